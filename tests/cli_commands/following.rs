//! Gateways that follow, from the command line.

use devhub_decision::Environment;
use devhub_gateway::{Replica, Settings, SystemClock};
use tonic::transport::Channel;

use super::hub::TestHub;

#[test]
fn operators_see_who_follows_and_close_streams() {
    let hub = TestHub::new();
    hub.application("ledgerly");
    assert!(hub.devhub(&["gateways"]).exits(0).out.contains("none found"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _entered = runtime.enter();
    let channel = Channel::from_shared(hub.url()).expect("an address").connect_lazy();
    let settings = Settings::new(Environment::Production, "edge-1");
    let replica = Replica::follow(channel, settings, std::sync::Arc::new(SystemClock::start()));
    // The clocks differ, so it never decides; it follows all the same.
    runtime.block_on(replica.wait_for(|replica| replica.figures().snapshots > 0));
    let rows = hub.devhub(&["gateways", "--state", "connected", "-o", "json"]).exits(0).json();
    assert_eq!((rows[0]["gateway_id"].as_str(), rows[0]["state"].as_str()), (Some("edge-1"), Some("CONNECTED")));
    assert_eq!(rows[0]["environment"].as_str(), Some("PRODUCTION"));
    let table = hub.devhub(&["gateways", "--environment", "production"]).exits(0).out;
    assert!(table.contains("LAST PING") && table.contains("edge-1"), "{table}");
    assert!(hub.devhub(&["gateways", "--environment", "sandbox"]).exits(0).out.contains("none found"));
    assert_eq!(hub.devhub(&["disconnect-gateway", "edge-1"]).code, 64, "why must be said");
    let collaborator = ["disconnect-gateway", "edge-1", "--reason", "a test", "--actor", "collaborator:a@b.example"];
    assert!(hub.devhub(&collaborator).exits(1).err.contains("operator"));
    let closed = hub.devhub(&["disconnect-gateway", "edge-1", "--reason", "a test", "-o", "json"]).exits(0).json();
    assert_eq!(closed["streams"].as_u64(), Some(1));
    runtime.block_on(replica.wait_for(|replica| replica.trouble().is_some()));
}

#[test]
fn a_gateway_is_revoked_listed_and_restored() {
    let hub = TestHub::new();
    let named = |action: &'static str| ["gateways", action, "edge-1", "--environment", "sandbox", "--reason", "stolen"];
    assert!(hub.devhub(&["gateways", "revoked"]).exits(0).out.contains("none found"));
    assert!(hub.devhub(&named("restore")).exits(1).err.contains("not revoked"));
    assert_eq!(hub.devhub(&["gateways", "revoke", "edge-1", "--reason", "stolen"]).code, 64, "of which environment?");
    assert!(hub.devhub(&named("revoke")).exits(0).out.contains("edge-1"));
    let rows = hub.devhub(&["gateways", "revoked", "-o", "json"]).exits(0).json();
    let row = |name: &str| rows[0][name].as_str().map(str::to_owned).expect(name);
    assert_eq!(["gateway_id", "environment", "reason"].map(row), ["edge-1", "SANDBOX", "stolen"]);
    hub.devhub(&named("restore")).exits(0);
    assert!(hub.devhub(&["gateways", "revoked"]).exits(0).out.contains("none found"));
    let kinds = ["list", "facts", "--kind", "GATEWAY_REVOKED", "--kind", "GATEWAY_RESTORED", "-o", "json"];
    assert_eq!(hub.devhub(&kinds).exits(0).json().as_array().map(Vec::len), Some(2));
}
