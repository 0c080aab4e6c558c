//! Secrets, peppers, allowlists and tiers from the command line, and a log in which no secret stands.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::sync::mpsc;

use devhub_proto::v1;
use devhub_proto::v1::application_service_client::ApplicationServiceClient;
use devhub_proto::v1::credential_service_client::CredentialServiceClient;
use tonic::transport::Channel;

use super::hub::{Ran, TestHub, binary, devhub, operator};

/// A text of a JSON object.
fn text(json: &serde_json::Value, field: &str) -> String {
    json[field].as_str().expect(field).to_owned()
}

#[test]
fn peppers_are_made_once_and_added_to() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("peppers").display().to_string();
    let made = devhub(&["pepper", "new", &file, "-o", "json"]).exits(0).json();
    assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    let again = devhub(&["pepper", "new", &file]).exits(1);
    assert!(again.err.contains("devhub pepper add"), "{}", again.err);
    let added = devhub(&["pepper", "add", &file]).exits(0);
    assert!(added.out.contains(&format!("--pepper-file {file}")), "{}", added.out);
    let text = std::fs::read_to_string(&file).expect("readable");
    assert!(text.contains(made["pepper_id"].as_str().expect("an id")));
    for line in text.lines().filter_map(|line| line.split_once(' ')).filter(|(id, _)| *id != "#") {
        assert!(!added.out.contains(line.1), "a pepper is not printed");
    }
    assert!(devhub(&["pepper", "add", &format!("{file}-none")]).exits(1).err.contains("devhub pepper new"));
}

#[test]
fn a_hub_without_peppers_says_what_is_missing() {
    let hub = TestHub::new();
    hub.application("ledgerly");
    let refused = hub.devhub(&["secret", "create", "ledgerly", "--name", "Server"]).exits(1);
    assert!(refused.err.contains("--pepper-file") && refused.err.contains("devhub pepper new"), "{}", refused.err);
    assert!(hub.devhub(&["secret", "list", "ledgerly"]).exits(0).out.contains("none found"));
    let refused = hub.devhub(&["secret", "revoke", "ledgerly", "secret-1"]).exits(1);
    assert!(refused.err.contains("devhub secret list"), "{}", refused.err);
}

#[test]
fn keys_are_registered_listed_and_revoked() {
    let hub = TestHub::new();
    hub.application("ledgerly");
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let x = "id8f-32_HXJKbdDV76-Jqhg0nVCX-xZ7Rta8FcCEbm8";
    let public = file("public", &format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#));
    let secret = file("secret", &format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","d":"{x}"}}"#));
    let add = ["key", "add", "ledgerly", &public, "--name", "Build server"];
    let added = hub.devhub(&[&add[..], &["-o", "json"]].concat()).exits(0).json();
    let id = text(&added, "key_id");
    assert_eq!((id.len(), text(&added, "algorithm")), (43, "EdDSA".to_owned()));
    assert!(hub.devhub(&add).exits(1).err.contains("devhub key list"));
    let refused = hub.devhub(&["key", "add", "ledgerly", &secret, "--name", "Oops"]).exits(1);
    assert!(refused.err.contains("must never leave"), "{}", refused.err);
    assert!(hub.devhub(&["key", "list", "ledgerly"]).exits(0).out.contains("Build server"));
    let left = hub.devhub(&["key", "revoke", "ledgerly", &id, "--reason", "rotated"]).exits(0);
    assert!(left.out.contains("none found"), "{}", left.out);
    assert!(hub.devhub(&["key", "revoke", "ledgerly", &id]).exits(1).err.contains("devhub key list"));
    let facts = hub.devhub(&["list", "facts"]).exits(0).out;
    assert!(facts.contains("KEY_REVOKED") && facts.contains("rotated"), "{facts}");
}

#[test]
fn b55_networks_and_tiers_are_set_and_shown() {
    let hub = TestHub::new();
    hub.application("ledgerly");
    let usual = hub.devhub(&["allowlist", "show", "ledgerly", "-o", "json"]).exits(0).json();
    assert_eq!((usual["required"].as_bool(), text(&usual, "rate_limit_tier")), (Some(false), "BRONZE".to_owned()));
    assert_eq!(hub.devhub(&["allowlist", "set", "ledgerly", "10.0.0.0/8"]).code, 64, "whether it counts must be said");
    let wrong = ["allowlist", "set", "ledgerly", "10.0.0.0/8", "10.0.0.1/8", "--required", "true"];
    let refused = hub.devhub(&wrong).exits(1);
    assert!(refused.err.contains("write 10.0.0.0/8"), "{}", refused.err);
    let set =
        hub.devhub(&["allowlist", "set", "ledgerly", "10.0.0.0/8", "2001:db8::/32", "--required", "true"]).exits(0);
    assert!(set.out.contains("denied by gateways"), "{}", set.out);
    let tier = hub.devhub(&["tier", "ledgerly", "gold", "--reason", "a contract", "-o", "json"]).exits(0).json();
    assert_eq!(tier["networks"], serde_json::json!(["10.0.0.0/8", "2001:db8::/32"]));
    assert!(hub.devhub(&["allowlist", "show", "ledgerly"]).exits(0).out.contains("GOLD"));
    let ada = ["--actor", "collaborator:ada@example.com"];
    hub.devhub(&[&["tier", "ledgerly", "rhodium"], &ada[..]].concat()).exits(1);
    hub.devhub(&["allowlist", "set", "ledgerly", "--required", "false"]).exits(0);
}

#[test]
fn a_secret_is_printed_once_rotated_and_never_logged() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (data, peppers) = (path("data"), path("peppers"));
    devhub(&["pepper", "new", &peppers]).exits(0);
    let listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    // Everything that can be logged is.
    let log = ["--log-format", "json", "--log-filter", "trace"];
    let args = [&["serve", "--data-dir", &data, "--pepper-file", &peppers], &listen[..], &log[..]].concat();
    let mut child = binary(&args).stderr(Stdio::piped()).spawn().expect("it runs");
    let (told, address) = mpsc::channel();
    let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let reader = std::thread::spawn(move || {
        let mut log = String::new();
        for line in lines.map_while(Result::ok) {
            let json: serde_json::Value = serde_json::from_str(&line).expect("log lines are JSON");
            if let Some(listen) = json["fields"]["listen"].as_str() {
                // Nobody waits any more when the test has failed.
                let _ = told.send(listen.to_owned());
            }
            log.push_str(&line);
            log.push('\n');
        }
        log
    });
    let url = format!("http://{}", address.recv().expect("the address is logged"));
    let run = |args: &[&str]| -> Ran { devhub(&[args, &["--server", &url]].concat()) };

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let channel = runtime.block_on(async { Channel::from_shared(url.clone()).expect("an address").connect_lazy() });
    let application = v1::Application {
        application_id: "ledgerly".into(),
        client_id: "ledgerly-client".into(),
        name: "Ledgerly".into(),
        environment: v1::Environment::Sandbox.into(),
        collaborators: vec![v1::Collaborator { email: "ada@example.com".into(), role: v1::Role::Administrator.into() }],
        ..Default::default()
    };
    let request = v1::CreateApplicationRequest { application: Some(application), request_id: String::new() };
    let mut applications = ApplicationServiceClient::new(channel.clone());
    runtime.block_on(applications.create_application(operator(request))).expect("an application");

    let create = ["secret", "create", "ledgerly", "--name", "Canary name"];
    let first = run(&[&create[..], &["-o", "json"]].concat()).exits(0).json();
    let (first, first_id) = (text(&first, "secret"), text(&first, "client_secret_id"));
    let second = run(&[&create[..], &["--expires", "2096-12-31 end-of-day Europe/London"]].concat()).exits(0).out;
    assert!(second.contains("secret  ") && second.contains("never shown again"), "{second}");
    let second = second.split_whitespace().find(|word| word.starts_with("dhs_")).expect("the secret").to_owned();
    let verify = |secret: &str| {
        let request = v1::VerifyCredentialsRequest {
            client_id: "ledgerly-client".into(),
            secret: secret.to_owned(),
            ..Default::default()
        };
        let mut credentials = CredentialServiceClient::new(channel.clone());
        runtime.block_on(credentials.verify_credentials(operator(request))).expect("an answer").into_inner().verdict()
    };
    assert_eq!([&first, &second].map(|secret| verify(secret)), [v1::CredentialVerdict::Valid; 2]);
    let left = run(&["secret", "revoke", "ledgerly", &first_id, "--reason", "rotated", "-o", "json"]).exits(0).json();
    assert_eq!(left.as_array().map(Vec::len), Some(1));
    assert_eq!(verify(&first), v1::CredentialVerdict::Invalid);
    let listed = run(&["secret", "list", "ledgerly"]).exits(0).out;
    assert!(listed.contains(&second[second.len() - 4..]) && listed.contains("2097-01-01T00:00:00Z"), "{listed}");
    let facts = run(&["list", "facts"]).exits(0).out;
    assert!(facts.contains("CLIENT_SECRET_REVOKED") && facts.contains("rotated"), "{facts}");

    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    assert!(child.wait().expect("it stops").success());
    let log = reader.join().expect("the log was read");
    assert!(log.contains("h2::codec::framed_read"), "even the frames of the calls are logged");
    for secret in [&first, &second] {
        assert!(!log.contains(&secret[4..47]), "the log holds a secret");
        assert!(!listed.contains(&secret[4..47]) && !facts.contains(&secret[4..47]));
    }
}
