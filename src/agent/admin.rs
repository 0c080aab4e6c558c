//! What operators see of an agent: whether it lives, whether it judges, and its figures as Prometheus text.

use std::fmt::Write as _;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use devhub_gateway::{Figures, Health, Replica};
use tokio::sync::watch;

use crate::telemetry::Metrics;

/// The routes of the admin port.
pub(super) fn routes(replica: Replica, metrics: Metrics, stopping: watch::Receiver<bool>) -> Router {
    let measured = replica.clone();
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route(
            "/readyz",
            get(async move || {
                if *stopping.borrow() {
                    return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned());
                }
                match replica.health() {
                    Health::Serving => (StatusCode::OK, "ready\n".to_owned()),
                    Health::Stale => {
                        (StatusCode::OK, "ready, though the hub has said nothing for too long\n".to_owned())
                    }
                    Health::Unready(why) => {
                        let trouble = replica.trouble().map(|trouble| format!("; the last stream ended: {trouble}"));
                        (StatusCode::SERVICE_UNAVAILABLE, format!("{why}{}\n", trouble.unwrap_or_default()))
                    }
                }
            }),
        )
        .route("/metrics", get(async move || metrics.render_judged() + &figures(&measured)))
}

/// The figures of a replica.
fn figures(replica: &Replica) -> String {
    let mut text = String::new();
    let mut tell = |name: &str, kind: &str, help: &str, value: String| {
        let name = format!("devhub_replica_{name}");
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}").expect("text takes all text");
    };
    let health = replica.health();
    let is = |health: bool| u8::from(health).to_string();
    tell(
        "serving",
        "gauge",
        "1 while calls are judged, 0 while they are not.",
        is(!matches!(health, Health::Unready(_))),
    );
    tell("stale", "gauge", "1 while calls are judged although the lease has run out.", is(health == Health::Stale));
    let left = replica.lease_left().as_secs_f64();
    tell("lease_seconds", "gauge", "How long calls are judged without another word of the hub.", format!("{left:.3}"));
    let revision = replica.follower().stand().0;
    tell("revision", "gauge", "Revision of the decision table that is held.", revision.to_string());
    let Figures {
        decided,
        decided_stale,
        undecided,
        connects,
        snapshots,
        deltas,
        rows,
        divergences,
        pongs,
        calls_reported,
        calls_lost,
    } = replica.figures();
    for (name, help, value) in [
        ("decided", "Calls judged.", decided),
        ("decided_stale", "Calls judged after the lease had run out.", decided_stale),
        ("undecided", "Calls that were not judged.", undecided),
        ("connects", "Streams begun.", connects),
        ("snapshots", "Snapshots applied.", snapshots),
        ("deltas", "Deltas applied.", deltas),
        ("rows", "Rows applied.", rows),
        ("divergences", "Times at which the digest differed from the hub's.", divergences),
        ("pongs", "Answers of the hub to pings.", pongs),
        ("calls_reported", "Calls of subscribers that the hub was told of.", calls_reported),
        ("calls_lost", "Calls of subscribers that the hub was never told of.", calls_lost),
    ] {
        tell(&format!("{name}_total"), "counter", help, value.to_string());
    }
    text
}
