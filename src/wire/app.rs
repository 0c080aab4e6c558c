//! Steps of versions and of listings as messages carry them.

use devhub_proto::v1;

use super::timestamp;
use crate::domain::app_version::Step;

/// A step of a version or of a listing.
pub fn step(step: &Step) -> v1::AppVersionStep {
    v1::AppVersionStep { actor: step.by.clone(), time: Some(timestamp(step.at)) }
}
