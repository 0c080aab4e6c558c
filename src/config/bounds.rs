//! Judging what is said of how much callers may have, and how fast.

use super::Bounds;
use super::value::Values;
use crate::domain::quota::Quotas;

/// Most of what a quota counts.
const QUOTA_MAX: u32 = 10_000_000;

impl Values<'_> {
    /// How much of something callers may have, and how fast.
    pub(super) fn bounds(&mut self) -> Option<Bounds> {
        let verification_failures_max = self.number("verification_failures_max", 1..=100_000);
        let verification_failures_seconds = self.number("verification_failures_seconds", 1..=3600);
        let changes_per_minute = self.number("changes_per_minute", 1..=1_000_000);
        let applications_per_organisation = self.number("quota_applications_per_organisation", 1..=QUOTA_MAX);
        let applications_per_person = self.number("quota_applications_per_person", 1..=QUOTA_MAX);
        let subscriptions_per_application = self.number("quota_subscriptions_per_application", 1..=QUOTA_MAX);
        let secrets_per_day = self.number("quota_secrets_per_day", 1..=QUOTA_MAX);
        Some(Bounds {
            verification_failures_max: verification_failures_max?,
            verification_failures_seconds: verification_failures_seconds?,
            changes_per_minute: changes_per_minute?,
            quotas: Quotas {
                applications_per_organisation: applications_per_organisation?,
                applications_per_person: applications_per_person?,
                subscriptions_per_application: subscriptions_per_application?,
                secrets_per_day: secrets_per_day?,
            },
        })
    }
}
