//! The bare handler: an actix-web server that reads a form and answers with one JSON text, whatever was asked. It shows how much the
//! machine and actix-web allow, so that figures of different machines can be compared.

use actix_web::http::header::{self, ContentType};
use actix_web::{App, HttpResponse, HttpServer, web};
use clap::Parser;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Parser)]
struct Arguments {
    /// Where it listens.
    #[arg(long)]
    listen: String,
    /// The file with the JSON text.
    #[arg(long)]
    answer: PathBuf,
    /// The certificate and its key, PEM; without them it speaks plain http.
    #[arg(long, requires = "key")]
    cert: Option<PathBuf>,
    #[arg(long)]
    key: Option<PathBuf>,
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let answer = web::Bytes::from(fs::read(&arguments.answer)?);
    let app = move || {
        let answer = answer.clone();
        let handler = move |_form: web::Bytes| {
            let answer = answer.clone();
            async move {
                let mut response = HttpResponse::Ok();
                response.insert_header((header::CACHE_CONTROL, "no-store")).content_type(ContentType::json());
                response.body(answer)
            }
        };
        App::new().route("/oauth/introspect", web::post().to(handler))
    };
    let server = HttpServer::new(app).workers(1);
    let server = match (&arguments.cert, &arguments.key) {
        (Some(cert), Some(key)) => server.bind_rustls_0_23(&arguments.listen, tls(cert, key)?)?,
        _ => server.bind(&arguments.listen)?,
    };
    println!("ready");
    Ok(server.run().await?)
}

fn tls(cert: &Path, key: &Path) -> Result<ServerConfig, Box<dyn Error>> {
    let chain = CertificateDer::pem_file_iter(cert)?.collect::<Result<_, _>>()?;
    let config = ServerConfig::builder().with_no_client_auth();
    Ok(config.with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?)
}
