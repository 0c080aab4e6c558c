//! Lies: messages that are not what they say.

use axum::body::Body;
use http::{Request, Response};
use tonic::client::GrpcService;
use tonic::transport::Channel;

use crate::target::Target;

const AUTHORIZE: &str = "/devhub.v1.AuthorizationService/Authorize";

/// Sends a body as it is, and says with which status of gRPC it was answered.
async fn told(channel: &Channel, path: &str, kind: &str, body: Vec<u8>) -> Option<i32> {
    let mut channel = channel.clone();
    std::future::poll_fn(|context| GrpcService::<tonic::body::Body>::poll_ready(&mut channel, context)).await.unwrap();
    let request = Request::post(path)
        .header("content-type", kind)
        .header("te", "trailers")
        .header("grpc-timeout", "10S")
        .body(tonic::body::Body::new(Body::from(body)))
        .unwrap();
    let response: Response<tonic::body::Body> = GrpcService::call(&mut channel, request).await.unwrap();
    response.headers().get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// A message behind its prefix.
fn message(flag: u8, length: u32, bytes: &[u8]) -> Vec<u8> {
    [&[flag][..], &length.to_be_bytes(), bytes].concat()
}

#[tokio::test]
async fn messages_that_lie_are_refused_by_themselves() {
    let target = Target::start().await;
    let whole = |length: usize| message(0, u32::try_from(length).unwrap(), &vec![b'a'; length]);
    let deep = {
        // A field of a message of a message of a message, and so on.
        let mut inner = Vec::new();
        for _ in 0..5_000 {
            let length = prost::length_delimiter_len(inner.len());
            let mut outer = Vec::with_capacity(1 + length + inner.len());
            outer.push(10 << 3 | 2);
            prost::encode_length_delimiter(inner.len(), &mut outer).unwrap();
            outer.extend(inner);
            inner = outer;
        }
        message(0, u32::try_from(inner.len()).unwrap(), &inner)
    };
    let bodies: [(&str, Vec<u8>, &[i32]); 13] = [
        ("a length of 4 GiB", message(0, u32::MAX, b"x"), &[11]),
        ("a length of 4 MiB and one", message(0, (4 << 20) + 1, b"x"), &[11]),
        ("4 MiB and one", whole((4 << 20) + 1), &[11]),
        ("256 KiB and one", whole((256 << 10) + 1), &[11]),
        ("compressed, says the flag", message(1, 4, b"aaaa"), &[12, 13]),
        (
            "a gzip bomb, says the flag",
            message(1, 20, &[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0x4B, 0x4C, 4, 0, 0, 0, 0, 0, 0, 0]),
            &[12, 13],
        ),
        ("a flag that is none", message(7, 4, b"aaaa"), &[13]),
        ("shorter than it says", message(0, 100, b"abc"), &[3, 13]),
        ("half a prefix", vec![0, 0], &[3, 13]),
        ("nothing", Vec::new(), &[3, 13]),
        ("no message at all", message(0, 4, &[0xFF; 4]), &[3, 13]),
        ("a text that is no UTF-8", message(0, 4, &[0x0A, 2, 0xC3, 0x28]), &[3, 13]),
        ("depth", deep, &[3, 13]),
    ];
    for (what, body, expected) in bodies {
        let code = target.suffers(what, told(&target.channel, AUTHORIZE, "application/grpc", body)).await;
        assert!(code.is_some_and(|code| expected.contains(&code)), "{what}: {code:?}");
    }
}

#[tokio::test]
async fn bodies_of_grpc_web_that_are_none_are_refused() {
    let target = Target::start().await;
    for kind in ["application/grpc-web+proto", "application/grpc-web-text+proto", "application/grpc-web-text"] {
        for (what, body) in [
            ("nothing", Vec::new()),
            ("no base64", b"%%%%".to_vec()),
            ("cut base64", b"AAAAAA".to_vec()),
            ("base64 after its end", b"AAAAAAA=AAAAAAA=".to_vec()),
            ("a length of 4 GiB", message(0, u32::MAX, b"x")),
            ("the same as text", b"AP////94".to_vec()),
            ("trailers of a client", message(0x80, 15, b"grpc-status:0\r\n")),
            ("all bytes", (0..=255).collect()),
        ] {
            let address = target.address;
            let answer = target
                .suffers(what, async move {
                    let call = move || {
                        crate::http1::call(
                            address,
                            "POST",
                            AUTHORIZE,
                            &[("content-type", kind), ("grpc-timeout", "10S")],
                            &body,
                        )
                    };
                    tokio::task::spawn_blocking(call).await.unwrap()
                })
                .await;
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            let passed = answer.header("grpc-status") == Some("0") || said.contains("grpc-status:0");
            assert!(!passed, "{kind} {what}: {answer:?}");
            assert!(answer.status < 500, "{kind} {what}: {answer:?}");
        }
    }
}
