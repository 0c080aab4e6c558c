//! What operators see of an agent: whether it lives, whether it judges, and its figures as Prometheus text.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use devhub_gateway::{Health, Replica};
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
        .route("/metrics", get(async move || metrics.render_judged() + &measured.prometheus()))
}
