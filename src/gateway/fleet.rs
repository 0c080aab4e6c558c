//! The gateways that follow this hub: who has a stream, how far each of them is, and how to close it.
//!
//! It lies in memory and is about this hub alone. Nothing is decided by it, so a restart may forget it; what is kept of
//! gateways that went is bounded by age and by number.

mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::Environment;
use parking_lot::Mutex;
use tokio::sync::watch;

pub use service::GatewayFleetRpc;

/// How long a gateway that went is listed.
pub const GONE_FOR: TimeDelta = TimeDelta::hours(24);

/// Most gateways that went and are listed; of more, those that went first are forgotten.
pub const GONE_MAX: usize = 10_000;

/// Longest error of a gateway that is kept, in bytes.
const ERROR_BYTES_MAX: usize = 500;

/// A stream among those of all gateways, in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// What the gateway calls itself.
    pub gateway_id: Box<str>,
    /// The environment that it follows.
    pub environment: Environment,
    /// Tells streams of one gateway apart; later ones have higher numbers.
    pub number: u64,
}

/// How far a gateway is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Everything up to this revision was sent.
    pub sent: u64,
    /// The revision that it had applied at its last ping.
    pub applied: u64,
    /// The digest of what it held then.
    pub digest: u64,
    /// When it pinged last.
    pub pinged_at: Option<DateTime<Utc>>,
    /// What it says is wrong with it.
    pub error: Box<str>,
}

/// A gateway as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which stream.
    pub place: Place,
    /// When it began.
    pub connected_at: DateTime<Utc>,
    /// When it ended, if it did.
    pub gone_at: Option<DateTime<Utc>>,
    /// How far it is, or was.
    pub progress: Progress,
}

/// Which gateways to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FleetFilter {
    /// Only those of this environment.
    pub environment: Option<Environment>,
    /// Only those that have a stream, or that have none.
    pub connected: Option<bool>,
}

struct Known {
    connected_at: DateTime<Utc>,
    gone_at: Option<DateTime<Utc>>,
    progress: Arc<Mutex<Progress>>,
    closing: watch::Sender<bool>,
}

#[derive(Default)]
struct Streams {
    known: BTreeMap<Place, Known>,
    /// Those that went, by when they did.
    gone: BTreeSet<(DateTime<Utc>, Place)>,
    last_number: u64,
}

impl Streams {
    fn connected(&self) -> usize {
        self.known.len() - self.gone.len()
    }

    /// The streams of a gateway in one environment.
    fn of(&self, gateway_id: &str, environment: Environment) -> impl Iterator<Item = (&Place, &Known)> {
        let place = |number| Place { gateway_id: gateway_id.into(), environment, number };
        self.known.range(place(0)..=place(u64::MAX))
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        while let Some((gone_at, _)) = self.gone.first()
            && (self.gone.len() > GONE_MAX || *gone_at + GONE_FOR <= now)
            && let Some((_, place)) = self.gone.pop_first()
        {
            self.known.remove(&place);
        }
    }
}

/// The gateways that follow a hub.
#[derive(Clone)]
pub struct Fleet {
    streams_max: usize,
    streams: Arc<Mutex<Streams>>,
}

impl Fleet {
    /// Nobody follows yet, and at most so many will at a time.
    pub fn new(streams_max: usize) -> Fleet {
        Fleet { streams_max, streams: Arc::default() }
    }

    /// Most gateways that follow at a time.
    pub fn streams_max(&self) -> usize {
        self.streams_max
    }

    /// A gateway connects; `None` when as many as may follow do.
    pub(super) fn join(&self, gateway_id: &str, environment: Environment, now: DateTime<Utc>) -> Option<Member> {
        let mut streams = self.streams.lock();
        if streams.connected() >= self.streams_max {
            return None;
        }
        // It is back: that it was away is no news any more.
        let away = |(place, known): (&Place, &Known)| Some((known.gone_at?, place.clone()));
        let back: Vec<_> = streams.of(gateway_id, environment).filter_map(away).collect();
        for gone in back {
            streams.known.remove(&gone.1);
            streams.gone.remove(&gone);
        }
        streams.forget(now);
        streams.last_number += 1;
        let place = Place { gateway_id: gateway_id.into(), environment, number: streams.last_number };
        let (closing, close) = watch::channel(false);
        let progress = Arc::<Mutex<Progress>>::default();
        let known = Known { connected_at: now, gone_at: None, progress: Arc::clone(&progress), closing };
        streams.known.insert(place.clone(), known);
        Some(Member { fleet: self.clone(), place, progress, close })
    }

    fn leave(&self, place: &Place, now: DateTime<Utc>) {
        let mut streams = self.streams.lock();
        let elsewhere = streams
            .of(&place.gateway_id, place.environment)
            .any(|(other, known)| other != place && known.gone_at.is_none());
        if elsewhere {
            streams.known.remove(place);
        } else if let Some(known) = streams.known.get_mut(place) {
            known.gone_at = Some(now);
            streams.gone.insert((now, place.clone()));
        }
        streams.forget(now);
    }

    /// Closes all streams of a gateway, in both environments; says how many there were. What waits to be sent to it is not
    /// sent any more. It keeps nobody out: whoever should stay away must be refused when it connects.
    pub fn disconnect(&self, gateway_id: &str) -> usize {
        let streams = self.streams.lock();
        let all = Environment::ALL.into_iter().flat_map(|environment| streams.of(gateway_id, environment));
        let open = all.filter(|(_, known)| known.gone_at.is_none());
        open.filter(|(_, known)| !known.closing.send_replace(true)).count()
    }

    /// So many gateways that match, after `after`, and where the next page begins if there are more.
    pub fn list(
        &self,
        filter: FleetFilter,
        after: Option<Place>,
        size: usize,
        now: DateTime<Utc>,
    ) -> (Vec<Seen>, Option<Place>) {
        let mut streams = self.streams.lock();
        streams.forget(now);
        let wanted = |(place, known): &(&Place, &Known)| {
            after.as_ref().is_none_or(|after| *place > after)
                && filter.environment.is_none_or(|environment| environment == place.environment)
                && filter.connected.is_none_or(|connected| connected == known.gone_at.is_none())
        };
        let mut found = streams.known.iter().filter(wanted).map(|(place, known)| Seen {
            place: place.clone(),
            connected_at: known.connected_at,
            gone_at: known.gone_at,
            progress: known.progress.lock().clone(),
        });
        let page: Vec<Seen> = found.by_ref().take(size).collect();
        let next = found.next().and(page.last()).map(|last| last.place.clone());
        (page, next)
    }

    /// How many revisions the gateway that is furthest behind `revision` has not applied.
    pub fn lag_max(&self, revision: u64) -> u64 {
        let streams = self.streams.lock();
        let connected = streams.known.values().filter(|known| known.gone_at.is_none());
        let lags = connected.map(|known| revision.saturating_sub(known.progress.lock().applied));
        lags.max().unwrap_or_default()
    }
}

/// The place of one stream, for whoever serves it.
pub(super) struct Member {
    fleet: Fleet,
    place: Place,
    progress: Arc<Mutex<Progress>>,
    close: watch::Receiver<bool>,
}

impl Member {
    /// Everything up to this revision was sent.
    pub(super) fn sent(&self, revision: u64) {
        self.progress.lock().sent = revision;
    }

    /// It pinged, and said how far it is and what is wrong.
    pub(super) fn pinged(&self, applied: u64, digest: u64, error: &str, now: DateTime<Utc>) {
        let kept = (0..=error.len().min(ERROR_BYTES_MAX)).rev().find(|end| error.is_char_boundary(*end));
        let kept = kept.unwrap_or_default();
        let mut progress = self.progress.lock();
        progress.pinged_at = Some(now);
        (progress.applied, progress.digest) = (applied, digest);
        if *progress.error != error[..kept] {
            progress.error = error[..kept].into();
        }
    }

    /// Waits until somebody closes the stream.
    pub(super) async fn closed(&self) {
        let mut close = self.close.clone();
        // It is forgotten only after it has left.
        let _ = close.wait_for(|closed| *closed).await;
    }

    /// The stream is over.
    pub(super) fn leave(&self, now: DateTime<Utc>) {
        self.fleet.leave(&self.place, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Environment = Environment::Sandbox;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds)
    }

    fn shown(fleet: &Fleet, now: DateTime<Utc>) -> Vec<(String, bool)> {
        let (all, _) = fleet.list(FleetFilter::default(), None, usize::MAX, now);
        all.into_iter().map(|seen| (seen.place.gateway_id.into(), seen.gone_at.is_none())).collect()
    }

    #[test]
    fn one_that_went_is_listed_for_a_day_unless_it_comes_back() {
        let fleet = Fleet::new(2);
        let (first, second) =
            (fleet.join("a", HERE, at(0)).expect("room"), fleet.join("b", HERE, at(0)).expect("room"));
        assert!(fleet.join("c", HERE, at(0)).is_none(), "two at a time");
        first.leave(at(1));
        second.leave(at(2));
        let day = GONE_FOR.num_milliseconds();
        for (now, expected) in [(day, 2), (day + 1, 1), (day + 2, 0)] {
            assert_eq!(shown(&fleet, at(now)).len(), expected, "{now}");
        }
        let back = fleet.join("a", HERE, at(0)).expect("room");
        back.leave(at(0));
        assert_eq!(shown(&fleet, at(1)), [("a".to_owned(), false)]);
        let again = fleet.join("a", HERE, at(1)).expect("room");
        let twice = fleet.join("a", HERE, at(1)).expect("room");
        assert_eq!(shown(&fleet, at(1)), [("a".to_owned(), true), ("a".to_owned(), true)]);
        again.leave(at(2));
        assert_eq!(shown(&fleet, at(2)), [("a".to_owned(), true)], "it is still there");
        twice.leave(at(3));
        assert_eq!(shown(&fleet, at(3)), [("a".to_owned(), false)]);
    }

    #[test]
    fn of_those_that_went_the_last_are_kept() {
        let fleet = Fleet::new(1);
        for number in 0..i64::try_from(GONE_MAX).expect("few") + 5 {
            fleet.join(&format!("gateway-{number:05}"), HERE, at(number)).expect("room").leave(at(number));
        }
        let kept = shown(&fleet, at(20_000));
        assert_eq!((kept.len(), &*kept[0].0), (GONE_MAX, "gateway-00005"));
    }

    #[test]
    fn pages_follow_each_other_and_miss_nobody() {
        let fleet = Fleet::new(10);
        let _members: Vec<Member> = ["b", "a", "a", "c"]
            .into_iter()
            .zip([HERE, Environment::Production, HERE, HERE])
            .map(|(id, environment)| fleet.join(id, environment, at(0)).expect("room"))
            .collect();
        let (mut after, mut ids) = (None, Vec::new());
        loop {
            let (page, next) = fleet.list(FleetFilter::default(), after, 1, at(0));
            ids.extend(page.into_iter().map(|seen| format!("{} {}", seen.place.gateway_id, seen.place.environment)));
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(ids, ["a SANDBOX", "a PRODUCTION", "b SANDBOX", "c SANDBOX"]);
        let filter = FleetFilter { environment: Some(Environment::Production), connected: Some(true) };
        assert_eq!(fleet.list(filter, None, 10, at(0)).0.len(), 1);
    }

    #[test]
    fn lag_is_that_of_whoever_is_furthest_behind() {
        let fleet = Fleet::new(10);
        assert_eq!(fleet.lag_max(7), 0, "nobody is behind");
        let (first, second) =
            (fleet.join("a", HERE, at(0)).expect("room"), fleet.join("b", HERE, at(0)).expect("room"));
        first.pinged(5, 0, "", at(1));
        second.pinged(9, 0, &"ä".repeat(300), at(1));
        assert_eq!(fleet.lag_max(7), 2);
        first.leave(at(2));
        assert_eq!(fleet.lag_max(7), 0, "one that went is not behind");
        let (all, _) = fleet.list(FleetFilter::default(), None, 10, at(2));
        assert_eq!(all[1].progress.error.len(), ERROR_BYTES_MAX);
    }

    #[test]
    fn a_gateway_is_closed_once_with_all_its_streams() {
        let fleet = Fleet::new(10);
        let members = [("a", HERE), ("a", Environment::Production), ("b", HERE)]
            .map(|(id, environment)| fleet.join(id, environment, at(0)).expect("room"));
        assert_eq!([fleet.disconnect("a"), fleet.disconnect("a"), fleet.disconnect("c")], [2, 0, 0]);
        assert_eq!(members.each_ref().map(|member| *member.close.borrow()), [true, true, false]);
    }
}
