//! Tokens, as the identity provider of the examples would sign them.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// A token of the example's identity provider.
pub(crate) fn token(client_id: &Value) -> String {
    let claims =
        json!({"iss": "https://idp.example", "aud": "gateway", "exp": 4_102_444_800_i64, "client_id": client_id});
    let text = |value: Value| base64(value.to_string().as_bytes());
    let signed = format!("{}.{}", text(json!({"alg": "HS256", "typ": "JWT"})), text(claims));
    let mut hash = Hmac::<Sha256>::new_from_slice(b"example-key-of-thirty-three-bytes").unwrap();
    hash.update(signed.as_bytes());
    format!("{signed}.{}", base64(&hash.finalize().into_bytes()))
}

/// As tokens have it: for URLs, and without padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits = bytes.chunks(3).flat_map(|chunk| {
        let number = (0..3).fold(0, |number, index| number << 8 | usize::from(*chunk.get(index).unwrap_or(&0)));
        [18, 12, 6, 0].into_iter().take(chunk.len() + 1).map(move |shift| char::from(DIGITS[number >> shift & 63]))
    });
    digits.collect()
}

/// The header of a call with a token for this client.
pub(crate) fn bearer(client_id: &str) -> String {
    format!("Bearer {}", token(&json!(client_id)))
}
