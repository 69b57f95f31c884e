use super::*;

const OPEN: &str =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\"\n viewBox=\"0 0 9 9\">\n";

fn within(inner: &str) -> Result<Asset, LogoError> {
    logo(format!("{OPEN}{inner}\n</svg>").into_bytes())
}

#[test]
fn a_drawing_is_served_as_it_is() {
    for inner in [
        "<path d=\"M1 1h7\" fill=\"#00629b\"/>",
        "<defs><linearGradient id=\"g\"><stop offset=\"0\" stop-color=\"red\"/></linearGradient></defs><rect fill=\"url(#g)\"/>",
        "<style>.a{fill:url( \"#g\" )} @media (prefers-color-scheme: dark){.a{fill:#fff}}</style><use href=\"#g\" xlink:href=\"#g\"/>",
        "<image href=\"data:image/png;base64,iVBORw0KGgo=\"/>",
        "<title>One, on the way to https://www.minato.example</title><!-- a comment -->",
        "<metadata><x:on xmlns:x=\"urn:x\" x:version=\"1\"/></metadata>",
        "<g font-family=\"'Noto Sans'\" xml:space=\"preserve\"/>",
    ] {
        let logo = within(inner).unwrap_or_else(|why| panic!("{inner}: {why:?}"));
        assert_eq!(logo.content_type, "image/svg+xml");
        assert_eq!(logo.bytes, format!("{OPEN}{inner}\n</svg>").as_bytes(), "nothing is rewritten");
    }
    assert!(logo(format!("\u{feff}<?xml version=\"1.0\" encoding='utf-8' ?>{OPEN}</svg>").into_bytes()).is_ok());
    let deep = "<g>".repeat(5000) + &"</g>".repeat(5000);
    assert!(within(&deep).is_ok(), "no stack is used up");
}

#[test]
fn what_could_do_more_than_draw_is_refused_with_its_line() {
    for (inner, line, why) in [
        ("<script>alert(1)</script>", 3, "script"),
        ("\n<g><SCRIPT/></g>", 4, "SCRIPT"),
        ("<x:script xmlns:x=\"http://www.w3.org/2000/svg\"/>", 3, "script"),
        ("<x:script xmlns:x=\"urn:other\"/>", 3, "script"),
        ("<foreignObject/>", 3, "foreignObject"),
        ("<ForeignObject/>", 3, "ForeignObject"),
        ("<p xmlns=\"http://www.w3.org/1999/xhtml\"/>", 3, "element p"),
        ("<iframe/>", 3, "iframe"),
        ("<g\n  fill=\"red\"\n  onload=\"x()\"/>", 5, "onload"),
        ("<g OnClick=\"x()\"/>", 3, "OnClick"),
        ("<g x:onload=\"x()\" xmlns:x=\"urn:x\"/>", 3, "onload"),
        ("<set attributeName=\"onload\" to=\"x()\"/>", 3, "attributeName"),
        ("<animate attributeName=\" xlink:href \" values=\"javascript:x()\"/>", 3, "attributeName"),
        ("<image href=\"https://evil.example/a.png\"/>", 3, "href"),
        ("<image xlink:href=\"//evil.example/a.png\"/>", 3, "href"),
        ("<use href=\"other.svg#a\"/>", 3, "href"),
        ("<use href=\"\"/>", 3, "href"),
        ("<a href=\"javascript:x()\"/>", 3, "href"),
        ("<image href=\"data:image/svg+xml;base64,PHN2Zz4=\"/>", 3, "href"),
        ("<image href=\"data:text/html,x\"/>", 3, "href"),
        ("<g xml:base=\"https://evil.example/\"/>", 3, "base"),
        ("<rect fill=\"url(https://evil.example/#a)\"/>", 3, "fill"),
        ("<rect style=\"fill:URL( 'https://evil.example/#a')\"/>", 3, "style"),
        ("<rect style=\"fill:u\\72l(https://evil.example)\"/>", 3, "escape"),
        ("<style>@import 'https://evil.example/a.css';</style>", 3, "outside"),
        ("<style>@IMPORT 'a.css';</style>", 3, "outside"),
        ("<style>@im<!--x-->port 'https://evil.example/a.css';</style>", 3, "more than text"),
        ("<style>.a{fill:u<g>x</g>rl(https://evil.example/#a)}</style>", 3, "more than text"),
        ("<style><![CDATA[.a{background:url(//evil.example)}]]></style>", 3, "outside"),
        ("<style>.a{background:image-set('https://evil.example/a.png' 1x)}</style>", 3, "outside"),
        ("<?xml-stylesheet href=\"https://evil.example/a.css\"?>", 3, "xml-stylesheet"),
        ("<g", 4, "XML"),
        ("<g>&laquo;</g>", 3, "XML"),
    ] {
        let refused = within(inner).expect_err(inner);
        assert_eq!(refused.line, Some(line), "{inner}: {refused:?}");
        assert!(refused.why.contains(why), "{inner}: {refused:?}");
    }
}

#[test]
fn what_is_no_svg_is_refused() {
    let entity = "<?xml version=\"1.0\"?>\n<!DOCTYPE svg [<!ENTITY a \"b\">]>\n<svg xmlns=\"http://www.w3.org/2000/svg\">&a;</svg>";
    let public =
        "<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\">\n";
    for (text, line) in [
        ("<svg/>".to_owned(), Some(1)),
        ("<html xmlns=\"http://www.w3.org/1999/xhtml\"/>".to_owned(), Some(1)),
        (entity.to_owned(), Some(2)),
        (format!("{public}{OPEN}</svg>"), Some(1)),
        (format!("<?xml version=\"1.0\" encoding=\"ISO-2022-JP\"?>{OPEN}</svg>"), Some(1)),
        (format!("<?xml-stylesheet href=\"a.css\"?>\n{OPEN}</svg>"), Some(1)),
        (String::new(), Some(1)),
        ("GIF89a".to_owned(), Some(1)),
    ] {
        assert_eq!(logo(text.clone().into_bytes()).expect_err(&text).line, line, "{text}");
    }
    assert_eq!(logo(vec![0xff, 0xd8, 0xff]).unwrap_err().line, None, "a JPEG");
    let long = format!("{OPEN}<!--{}--></svg>", "x".repeat(64 * 1024));
    assert_eq!(logo(long.into_bytes()).unwrap_err().why, "is larger than 64 KiB");
}

/// The start of a PNG with these numbers in its IHDR.
fn png_of(width: u32, height: u32, rest: [u8; 5]) -> Vec<u8> {
    let mut bytes = PNG.to_vec();
    bytes.extend(13u32.to_be_bytes());
    bytes.extend(b"IHDR");
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend(rest);
    bytes.extend([0; 4]);
    bytes
}

#[test]
fn a_png_is_known_by_its_signature_and_its_header() {
    for (width, height, rest, good) in [
        (64, 64, [8, 6, 0, 0, 0], true),
        (4096, 1, [1, 0, 0, 0, 1], true),
        (0, 64, [8, 6, 0, 0, 0], false),
        (64, 4097, [8, 6, 0, 0, 0], false),
        (64, 64, [3, 6, 0, 0, 0], false),
        (64, 64, [16, 3, 0, 0, 0], false),
        (64, 64, [8, 5, 0, 0, 0], false),
        (64, 64, [8, 6, 1, 0, 0], false),
        (64, 64, [8, 6, 0, 0, 2], false),
    ] {
        let read = logo(png_of(width, height, rest));
        assert_eq!(read.is_ok(), good, "{width} × {height} {rest:?}");
        assert!(read.map_or(true, |logo| logo.content_type == "image/png"));
    }
    let whole = png_of(64, 64, [8, 6, 0, 0, 0]);
    for end in [8, 12, 20, 32] {
        assert!(logo(whole[..end].to_vec()).is_err(), "{end} bytes");
    }
    let mut other = whole;
    other[12] = b'J';
    assert!(logo(other).is_err());
}
