//! An off-the-shelf client, the `openidconnect` crate, which knows nothing of us: discovery, the code flow with PKCE as
//! `kakeibo`, and the id_token checked against our published keys.

use crate::support::browser::Customer;
use crate::support::http::RequestParts;
use crate::support::town::{Town, on_both};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, RedirectUrl, Scope, TokenResponse,
};
use renkei_core::clock::Clock;

on_both!(it_completes_the_code_flow);

async fn it_completes_the_code_flow(w: &Town) {
    let http = async |request: HttpRequest| Ok::<_, std::io::Error>(carry(w, request).await);
    let issuer = IssuerUrl::new(w.http.issuer.clone()).unwrap();
    let metadata = CoreProviderMetadata::discover_async(issuer, &|r| Box::pin(http(r))).await.unwrap();
    let secret = Some(ClientSecret::new("kakeibo-secret".into()));
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new("kakeibo".into()), secret)
        .set_redirect_uri(RedirectUrl::new("https://kakeibo.example/callback".into()).unwrap());
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("accounts".into()))
        .set_pkce_challenge(challenge)
        .url();

    let mut browser = w.browser();
    browser.open(url.as_str()).await;
    browser.walk_to_consent(w, "115-1100026", &Customer::taro(), "4071").await;
    let brought = browser.allow().await;
    assert_eq!(&brought["state"], state.secret());

    let tokens = client
        .exchange_code(AuthorizationCode::new(brought["code"].clone()))
        .unwrap()
        .set_pkce_verifier(verifier)
        .request_async(&|r| Box::pin(http(r)))
        .await
        .unwrap();
    let now = chrono::DateTime::from_timestamp_millis(w.clock.now().millis()).unwrap();
    let judge = client.id_token_verifier().set_time_fn(move || now);
    let id_token = tokens.id_token().expect("an id_token");
    let claims = id_token.claims(&judge, &nonce).expect("it verifies");
    assert_eq!(claims.issuer().as_str(), w.http.issuer);
    let (alg, key) = (id_token.signing_alg().unwrap(), id_token.signing_key(&judge).unwrap());
    let hash = AccessTokenHash::from_token(tokens.access_token(), alg, key).unwrap();
    assert_eq!(claims.access_token_hash(), Some(&hash));
    let subject = claims.subject().clone();
    let info: CoreUserInfoClaims = client
        .user_info(tokens.access_token().clone(), Some(subject.clone()))
        .unwrap()
        .request_async(&|r| Box::pin(http(r)))
        .await
        .unwrap();
    assert_eq!(*info.subject(), subject);
}

/// Carries the client's request to where the server listens.
async fn carry(w: &Town, request: HttpRequest) -> HttpResponse {
    let mut ask = RequestParts::default();
    for (name, value) in request.headers().iter().filter(|(n, _)| *n != "content-type" && *n != "host") {
        ask = ask.header(name.as_str(), value.to_str().unwrap());
    }
    let kind = request.headers().get("content-type").map(|v| v.to_str().unwrap().to_owned());
    let body = String::from_utf8(request.body().clone()).unwrap();
    ask.body = kind.map(|kind| (kind, body));
    let answer = w.http.send(request.method().as_str(), &request.uri().to_string(), ask).await;
    let mut response = HttpResponse::new(answer.body.into_bytes());
    *response.status_mut() = answer.status.try_into().unwrap();
    for (name, value) in &answer.headers {
        response.headers_mut().append(name.clone(), value.clone());
    }
    response
}
