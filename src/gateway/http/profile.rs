//! What each profile of `/authz` reads of a request, and from where.
//!
//! The profile is the path, which the gateway's configuration writes. What its route pins stands in the query string,
//! which the configuration writes too: no header can pin anything, so none that a configuration forgot to set lets a
//! client do it. The one exception is Envoy, which appends the client's own path and query string and pins nothing.

use axum::http::{HeaderMap, Method, Uri};

use crate::gateway::request::{Call, Headers, Misread, Pinned, Stranger};

/// Below this, the next segment is the profile.
const ROOT: &str = "/authz/";

/// A kind of gateway, by how it hands over requests and by what it understands of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// nginx `auth_request`: tells of the request in `X-Original-Method` and `X-Original-URI`; understands the statuses
    /// 200, 401 and 403 and takes every other one for a failure.
    Nginx,
    /// Caddy and other proxies whose route pins the context: tell of the request in `X-Forwarded-Method` and
    /// `X-Forwarded-Uri`, and relay a denial whole.
    Pinned,
    /// Traefik ForwardAuth and other proxies that forward every request: the same, and the path may name the context.
    Forwarded,
    /// Envoy ext_authz with an `http_service`: hands over method, path and query string as they are.
    Envoy,
}

impl Profile {
    /// All of them.
    pub const ALL: [Profile; 4] = [Profile::Nginx, Profile::Pinned, Profile::Forwarded, Profile::Envoy];

    /// The name used in paths.
    pub const fn name(self) -> &'static str {
        match self {
            Profile::Nginx => "nginx",
            Profile::Pinned => "pinned",
            Profile::Forwarded => "forwarded",
            Profile::Envoy => "envoy",
        }
    }

    /// The profile that a path names, and what follows it in the path.
    pub(super) fn of(path: &str) -> Option<(Profile, &str)> {
        let rest = path.strip_prefix(ROOT)?;
        let named = Profile::ALL.into_iter().find_map(|profile| Some((profile, rest.strip_prefix(profile.name())?)));
        named.filter(|(profile, rest)| match profile {
            Profile::Nginx | Profile::Pinned | Profile::Forwarded => rest.is_empty(),
            Profile::Envoy => rest.starts_with('/'),
        })
    }
}

/// The headers that tell of the request; `None` where the request itself does.
const fn told_by(profile: Profile) -> Option<(&'static str, &'static str)> {
    match profile {
        Profile::Nginx => Some(("x-original-method", "x-original-uri")),
        Profile::Pinned | Profile::Forwarded => Some(("x-forwarded-method", "x-forwarded-uri")),
        Profile::Envoy => None,
    }
}

/// The call that a gateway tells of.
///
/// # Errors
/// When the gateway does not tell what its profile needs.
pub(super) fn call<'c>(
    profile: Profile,
    method: &'c Method,
    uri: &'c Uri,
    headers: &'c HeaderMap,
) -> Result<Call<'c>, Misread> {
    let headers: Headers<'c> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let (method, target, pinned) = match told_by(profile) {
        Some((method, target)) => {
            (told(&headers, method)?, told(&headers, target)?, pinned(uri.query().unwrap_or_default())?)
        }
        None => {
            let whole = uri.path_and_query().map_or("", |whole| whole.as_str());
            let target = whole.strip_prefix(ROOT).and_then(|rest| rest.strip_prefix(profile.name()));
            (method.as_str(), target.unwrap_or_default(), Pinned::default())
        }
    };
    if profile == Profile::Pinned && pinned.context.is_none() {
        return Err(Misread::misconfigured("the route of a pinned endpoint names no context"));
    }
    Ok(Call { method, target, headers, pinned, caller: &Stranger })
}

/// A header that the gateway must have set, once.
fn told<'c>(headers: &Headers<'c>, name: &str) -> Result<&'c str, Misread> {
    let mut values = headers.all(name);
    let (value, more) = (values.next(), values.next());
    let text = value.filter(|_| more.is_none()).and_then(|value| std::str::from_utf8(value).ok());
    text.ok_or(Misread::misconfigured("the gateway does not say, once, which request it asks about"))
}

/// What the route pins: `context=hello&version=1.0`. Nothing is decoded, so that nothing can be read in two ways. An empty
/// version is none, which is how a variable of a gateway says so.
fn pinned(query: &str) -> Result<Pinned<'_>, Misread> {
    let mut pinned = Pinned::default();
    for pin in query.split('&').filter(|pin| !pin.is_empty()) {
        let (name, value) = pin.split_once('=').ok_or(ODD_PIN)?;
        let place = match name {
            "context" => &mut pinned.context,
            "version" => &mut pinned.version,
            "environment" => &mut pinned.environment,
            "base_path" => &mut pinned.base_path,
            "identity" => &mut pinned.identity,
            _ => return Err(ODD_PIN),
        };
        let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/:@,".contains(&byte));
        if !plain || place.replace(value).is_some() {
            return Err(ODD_PIN);
        }
    }
    pinned.version = pinned.version.filter(|version| !version.is_empty());
    Ok(pinned)
}

const ODD_PIN: Misread =
    Misread::Misconfigured { what: "the route pins something twice, in an odd form, or that nobody knows" };

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_profile_is_a_path_and_nothing_else() {
        assert_eq!(Profile::of("/authz/nginx"), Some((Profile::Nginx, "")));
        assert_eq!(Profile::of("/authz/envoy/a/b"), Some((Profile::Envoy, "/a/b")));
        for path in ["/authz", "/authz/", "/authz/nginx/", "/authz/nginxx", "/authz/envoy", "/authz/NGINX", "/authz/x"]
        {
            assert_eq!(Profile::of(path), None, "{path}");
        }
    }

    #[test]
    fn pins_are_read_as_they_stand_once_each() {
        let read =
            pinned("context=a/b&version=1.0&environment=sandbox&base_path=/x&identity=header:x-id").expect("pins");
        assert_eq!((read.context, read.version, read.environment), (Some("a/b"), Some("1.0"), Some("sandbox")));
        assert_eq!((read.base_path, read.identity), (Some("/x"), Some("header:x-id")));
        assert_eq!(pinned("context=a&version=").expect("pins").version, None);
        assert_eq!(pinned("").expect("none").context, None);
        for query in
            ["context=a&context=a", "context", "kontext=a", "context=a%2fb", "context=a+b", "version=&version="]
        {
            assert_eq!(pinned(query).err(), Some(ODD_PIN), "{query}");
        }
    }

    #[test]
    fn each_profile_reads_its_own_headers_only() {
        let all = headers(&[
            ("x-original-uri", "/original"),
            ("x-original-method", "GET"),
            ("x-forwarded-uri", "/forwarded?a,b"),
            ("x-forwarded-method", "PUT"),
        ]);
        for (profile, uri, method, target) in [
            (Profile::Nginx, "/authz/nginx", "GET", "/original"),
            (Profile::Pinned, "/authz/pinned?context=a", "PUT", "/forwarded?a,b"),
            (Profile::Forwarded, "/authz/forwarded", "PUT", "/forwarded?a,b"),
            (Profile::Envoy, "/authz/envoy/own?context=evil", "HEAD", "/own?context=evil"),
        ] {
            let uri: Uri = uri.parse().expect("a URI");
            let call = call(profile, &Method::HEAD, &uri, &all).expect("a call");
            assert_eq!((call.method, call.target), (method, target), "{profile:?}");
            assert_eq!(call.pinned.context, (profile == Profile::Pinned).then_some("a"));
        }
    }

    #[test]
    fn what_a_gateway_leaves_out_or_says_twice_is_its_fault() {
        let misconfigured = |profile, uri: &'static str, headers: &HeaderMap| {
            let fault = call(profile, &Method::GET, &Uri::from_static(uri), headers).err();
            assert!(matches!(fault, Some(Misread::Misconfigured { .. })), "{profile:?} {uri}: {fault:?}");
        };
        let forwarded = headers(&[("x-forwarded-uri", "/a"), ("x-forwarded-method", "GET")]);
        misconfigured(Profile::Nginx, "/authz/nginx", &forwarded);
        misconfigured(Profile::Pinned, "/authz/pinned", &forwarded);
        let twice = headers(&[("x-forwarded-uri", "/a"), ("x-forwarded-uri", "/b"), ("x-forwarded-method", "GET")]);
        misconfigured(Profile::Forwarded, "/authz/forwarded", &twice);
    }
}
