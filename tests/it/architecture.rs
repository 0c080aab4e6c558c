//! The direction of the arrows: which room may name which.

use std::path::{Path, PathBuf};

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The code of a file: without comments, and without its unit tests, which stand at the end.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn forbid(room: &str, words: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = sources(&root.join(room));
    assert!(!files.is_empty(), "{room} has no sources");
    for file in files {
        let code = code(&file);
        for word in words {
            assert!(!code.contains(word), "{} names {word}", file.strip_prefix(root).unwrap().display());
        }
    }
}

/// What a pure room cannot do: wait, talk, lock, log, read a clock, draw random numbers, know the wire.
const IMPURE: [&str; 16] = [
    "async ",
    "tokio",
    "tonic",
    "sled",
    "devhub_proto",
    "prost",
    "std::fs",
    "std::net",
    "std::io",
    "tracing",
    "println!",
    "Utc::now",
    "SystemTime",
    "Instant::now",
    "getrandom",
    "uuid",
];

#[test]
fn the_domain_is_pure_and_knows_no_other_room() {
    forbid("src/domain", &IMPURE);
    forbid(
        "src/domain",
        &["Mutex", "RwLock", "crate::store", "crate::hub", "crate::rpc", "crate::gateway", "crate::wire"],
    );
}

#[test]
fn the_decision_crate_is_pure() {
    forbid("crates/devhub-decision/src", &IMPURE);
}

#[test]
fn questions_and_answers_of_gateways_are_pure() {
    for room in ["src/gateway/request", "src/gateway/answer"] {
        forbid(room, &IMPURE);
        forbid(room, &["Mutex", "RwLock", "crate::store", "crate::hub", "crate::rpc", "crate::wire"]);
    }
}

#[test]
fn whether_a_credential_proves_something_is_judged_purely() {
    forbid("src/access/proof", &IMPURE);
    forbid(
        "src/access/proof",
        &["Mutex", "RwLock", "get_current_timestamp", "crate::hub", "crate::rpc", "crate::gateway"],
    );
    forbid("src/access", &["crate::hub", "crate::store", "crate::gateway", "crate::server", "crate::cli"]);
}

#[test]
fn what_maps_say_is_pure() {
    let room = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/agent/haproxy");
    for file in ["timeline.rs", "class.rs", "catalogue.rs", "caller.rs", "delta.rs", "maps.rs"] {
        let code = code(&room.join(file));
        for word in IMPURE {
            assert!(!code.contains(word), "{file} names {word}");
        }
    }
}

#[test]
fn a_reply_to_envoy_is_made_in_one_place_and_never_left_empty() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in sources(&root.join("src")) {
        let code = code(&file);
        let made = code.matches("v3::CheckResponse {").count() - code.matches("-> v3::CheckResponse {").count();
        let expected = usize::from(file.ends_with("src/gateway/envoy.rs"));
        assert_eq!(made, expected, "{} makes replies to Envoy", file.display());
        if expected == 1 {
            assert!(!code.contains("::default()"), "{} may leave a part of a reply out", file.display());
        }
    }
}

#[test]
fn rows_do_not_know_who_sends_them() {
    forbid("crates/devhub-sync/src", &["async ", "tokio", "tonic", "Utc::now", "Mutex", "RwLock", "tracing"]);
}

#[test]
fn a_gateway_reads_its_clocks_in_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/devhub-gateway/src");
    for file in sources(&root) {
        let reads = ["Utc::now", "SystemTime::now", "std::time::Instant::now"];
        let read = reads.iter().any(|read| code(&file).contains(read));
        assert!(!read || file.ends_with("clock.rs"), "{} reads a clock", file.display());
    }
}

#[test]
fn the_store_does_not_know_who_uses_it() {
    forbid("src/store", &["crate::hub", "crate::rpc", "crate::gateway", "crate::server", "crate::cli", "tonic"]);
}

#[test]
fn secrets_do_not_know_whose_they_are() {
    let rooms = ["crate::store", "crate::hub", "crate::rpc", "crate::gateway", "crate::wire", "crate::server"];
    forbid("src/secret", &rooms);
    forbid("src/secret", &["application", "Application", "tracing", "tonic", "devhub_proto", "serde"]);
}

#[test]
fn the_words_of_the_wire_know_the_domain_only() {
    forbid(
        "src/wire",
        &["crate::store", "crate::hub", "crate::rpc", "crate::gateway", "crate::server", "tonic", "tokio"],
    );
}

#[test]
fn the_hub_does_not_know_the_wire() {
    forbid("src/hub", &["crate::rpc", "crate::gateway", "crate::server", "crate::cli", "tonic"]);
}

#[test]
fn the_wire_reaches_the_store_through_the_hub_only() {
    forbid("src/gateway", &["crate::store", ".store()", "crate::server", "crate::cli"]);
    forbid("src/rpc", &[".store()", "crate::server", "crate::cli", "crate::gateway"]);
}

#[test]
fn an_agent_has_no_rule_and_no_store() {
    forbid("src/agent", &["crate::store", "crate::hub", "crate::rpc", "crate::server", "crate::cli", "crate::domain"]);
}

#[test]
fn all_sled_calls_are_in_two_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in sources(&root.join("src")) {
        if code(&file).contains("sled::") {
            let allowed = ["src/store/sled_state.rs", "src/store/sled_notes.rs"];
            assert!(allowed.iter().any(|name| file.ends_with(name)), "{} calls sled", file.display());
        }
    }
}

#[test]
fn a_status_is_made_in_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for room in ["src/rpc", "src/gateway", "src/access"] {
        for file in sources(&root.join(room)) {
            let makes = ["Status::new", "Status::with", "Status::invalid", "Status::internal", "Status::un"];
            let made = makes.iter().any(|make| code(&file).contains(make));
            assert!(!made || file.ends_with("src/rpc/status.rs"), "{} makes a status", file.display());
        }
    }
}

#[test]
fn the_clock_is_read_in_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in sources(&root.join("src")) {
        if code(&file).contains("Utc::now") {
            assert!(file.ends_with("src/clock.rs"), "{} reads the clock", file.display());
        }
    }
}

/// What begins a connection, or asks for the address of a name.
const OUTWARD: [&str; 9] = [
    "TcpStream::connect",
    "TcpSocket",
    "UdpSocket",
    "UnixStream::connect",
    "connect_lazy(",
    "endpoint.connect(",
    "hyper_util::client",
    "lookup_host",
    "to_socket_addrs",
];

/// Where one is begun: keys of issuers that the operator names, the hub that an agent follows, the hub that the command line
/// talks to, the program beside an agent.
const WAYS_OUT: [&str; 5] = [
    "src/access/fetch.rs",
    "src/agent/hub.rs",
    "src/agent/haproxy/runtime.rs",
    "src/agent/socket.rs",
    "src/cli/connection.rs",
];

#[test]
fn no_address_that_a_caller_sends_is_ever_connected_to() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for room in ["src", "crates/devhub-decision/src", "crates/devhub-gateway/src", "crates/devhub-sync/src"] {
        for file in sources(&root.join(room)) {
            if OUTWARD.iter().any(|word| code(&file).contains(word)) {
                found.push(file.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    let mut ways_out = WAYS_OUT.map(str::to_owned);
    ways_out.sort();
    assert_eq!(found, ways_out);
    // What callers send lives in these rooms; none of them can reach a way out.
    for room in ["src/hub", "src/rpc", "src/gateway", "src/domain", "src/store", "src/wire"] {
        forbid(room, &["access::fetch", "crate::agent", "crate::cli", "Endpoint::from", "Channel::from"]);
    }
    // Nor does a library that fetches come in by the way of others.
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).unwrap();
    for client in ["reqwest", "ureq", "curl", "isahc", "attohttpc", "surf", "awc"] {
        assert!(!lock.contains(&format!("name = \"{client}\"")), "{client} is linked in");
    }
}

#[test]
fn no_room_is_a_drawer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for directory in ["src", "crates", "tests"] {
        for file in sources(&root.join(directory)) {
            let name = file.file_stem().unwrap().to_str().unwrap();
            for word in ["util", "helper", "manager", "common", "misc"] {
                assert!(!name.contains(word), "{}", file.display());
            }
        }
    }
}
