//! What the present pace comes to.

use devhub_proto::v1;
use serde::Serialize;

use super::MigrationView;
use crate::cli::view::{brief, or_empty, time};

/// What the present pace comes to.
#[derive(Debug, Clone, Serialize)]
pub struct ForecastView {
    remaining: u64,
    secured_lately: u64,
    expected_finish_time: Option<String>,
    earliest_finish_time: Option<String>,
    latest_finish_time: Option<String>,
    sunset_time: Option<String>,
    sunset_supposed: bool,
    expected_missed: Option<u64>,
    fewest_missed: Option<u64>,
    most_missed: Option<u64>,
    expired: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_risk: Option<Vec<MigrationView>>,
}

/// `count` migrations, and the verb that goes with so many.
fn migrations(count: u64, one: &str, many: &str) -> String {
    match count {
        0 => format!("No migration {one}"),
        1 => format!("1 migration {one}"),
        _ => format!("{count} migrations {many}"),
    }
}

impl ForecastView {
    /// The answer to a question that may have supposed a sunset.
    pub fn new(forecast: v1::GetMigrationForecastResponse, sunset_supposed: bool) -> ForecastView {
        ForecastView {
            remaining: forecast.remaining,
            secured_lately: forecast.secured_lately,
            expected_finish_time: time(forecast.expected_finish_time),
            earliest_finish_time: time(forecast.earliest_finish_time),
            latest_finish_time: time(forecast.latest_finish_time),
            sunset_time: time(forecast.sunset_time),
            sunset_supposed,
            expected_missed: forecast.expected_missed,
            fewest_missed: forecast.fewest_missed,
            most_missed: forecast.most_missed,
            expired: forecast.expired,
            at_risk: None,
        }
    }

    /// Adds the names of those at risk: those with nothing to install first, for they have the longest way.
    pub fn name(&mut self, mut at_risk: Vec<MigrationView>) {
        at_risk.sort_by_key(MigrationView::is_ready);
        self.at_risk = Some(at_risk);
    }

    /// Those at risk, if they are named.
    pub fn at_risk(&self) -> Option<&[MigrationView]> {
        self.at_risk.as_deref()
    }

    /// What it comes to, in sentences.
    pub fn sentences(&self) -> String {
        let mut sentences = vec![
            migrations(self.remaining, "is at risk and goes on still.", "are at risk and go on still."),
            migrations(self.secured_lately, "left the risk", "left the risk") + " in the last 28 days.",
        ];
        if self.remaining > 0 {
            sentences.push(self.finish());
        }
        sentences.push(self.missed());
        if self.expired > 0 {
            sentences.push(migrations(self.expired, "is stopped already.", "are stopped already."));
        }
        sentences.iter().map(|sentence| format!("{sentence}\n")).collect()
    }

    fn finish(&self) -> String {
        let date = |date: &Option<String>| date.as_deref().map_or_else(|| "never".to_owned(), brief);
        let (earliest, latest) = (date(&self.earliest_finish_time), date(&self.latest_finish_time));
        let range = format!("with eight chances of ten between {earliest} and {latest}");
        match &self.expected_finish_time {
            Some(expected) => format!("At this pace the last one leaves the risk on {}, {range}.", brief(expected)),
            None => format!("At this pace the last one never leaves the risk; {range}."),
        }
    }

    fn missed(&self) -> String {
        let Some(sunset) = &self.sunset_time else {
            return "No sunset is announced, so nobody can say how many will miss it.".to_owned();
        };
        let supposed = if self.sunset_supposed { "supposed " } else { "" };
        match (self.expected_missed, self.fewest_missed, self.most_missed) {
            (Some(expected), Some(fewest), Some(most)) => format!(
                "The {supposed}sunset on {} will stop {expected} of them: {fewest} at the fewest, {most} at the most.",
                brief(sunset)
            ),
            (_, _, _) => format!("The {supposed}sunset is on {}.", brief(sunset)),
        }
    }

    /// Its figures, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let never = |date: &Option<String>| date.as_deref().map_or_else(|| "never".to_owned(), brief);
        let missed = match (self.expected_missed, self.fewest_missed, self.most_missed) {
            (Some(expected), Some(fewest), Some(most)) => format!("{expected} ({fewest}..{most})"),
            (_, _, _) => String::new(),
        };
        vec![
            ("remaining", self.remaining.to_string()),
            ("left the risk in 28 days", self.secured_lately.to_string()),
            ("expected finish", never(&self.expected_finish_time)),
            ("earliest finish", never(&self.earliest_finish_time)),
            ("latest finish", never(&self.latest_finish_time)),
            ("sunset", or_empty(&self.sunset_time)),
            ("will miss it", missed),
            ("stopped already", self.expired.to_string()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds, nanos: 0 })
    }

    #[test]
    fn the_sentences_say_what_is_known_and_what_is_not() {
        let idle = v1::GetMigrationForecastResponse {
            remaining: 1,
            earliest_finish_time: at(1_800_000_000),
            ..Default::default()
        };
        assert_eq!(
            ForecastView::new(idle, false).sentences(),
            "1 migration is at risk and goes on still.\n\
             No migration left the risk in the last 28 days.\n\
             At this pace the last one never leaves the risk; with eight chances of ten between 2027-01-15T08:00:00Z \
             and never.\n\
             No sunset is announced, so nobody can say how many will miss it.\n"
        );
        let busy = v1::GetMigrationForecastResponse {
            remaining: 20,
            secured_lately: 28,
            expected_finish_time: at(1_801_000_000),
            earliest_finish_time: at(1_800_000_000),
            latest_finish_time: at(1_802_000_000),
            sunset_time: at(1_800_500_000),
            expected_missed: Some(9),
            fewest_missed: Some(4),
            most_missed: Some(13),
            expired: 2,
        };
        let view = ForecastView::new(busy, true);
        for part in [
            "20 migrations are at risk and go on still.\n28 migrations left the risk in the last 28 days.\n",
            "leaves the risk on 2027-01-26T21:46:40Z, with eight chances of ten between 2027-01-15T08:00:00Z and 2027-",
            "The supposed sunset on 2027-01-21T02:53:20Z will stop 9 of them: 4 at the fewest, 13 at the most.\n",
            "2 migrations are stopped already.\n",
        ] {
            assert!(view.sentences().contains(part), "{part}:\n{}", view.sentences());
        }
        assert!(view.fields().contains(&("will miss it", "9 (4..13)".to_owned())));
    }
}
