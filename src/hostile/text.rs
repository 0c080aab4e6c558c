//! Files that people write, and tokens that clients hand back.

use std::fmt::{Debug, Display};
use std::str::{FromStr, from_utf8};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;

use crate::access::proof::Kind;
use crate::cli::catalogue::file;
use crate::cli::date::{Boundary, Moment};
use crate::config::Config;
use crate::domain::Actor;
use crate::domain::app_version::AppVersionNumber;
use crate::domain::name::*;
use crate::domain::policy::Policies;
use crate::gateway::request::{PathUse, Source, Vendor};
use crate::hub::PlanToken;
use crate::rpc::parse::{Fields, Query};
use crate::secret::Seals;

/// A catalogue in YAML. One that is read says the same when it is written and read again.
pub(super) fn catalogue(bytes: &[u8]) {
    let Some(catalogue) = from_utf8(bytes).ok().and_then(|text| file::parse(text).ok()) else { return };
    let written = file::write(&catalogue).expect("what was read can be written");
    let again = file::parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
    assert_eq!(again, catalogue, "{written}");
}

/// A configuration file, and every setting in it.
pub(super) fn configuration(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    let _ = Config::of_text(text);
}

/// A file of policies.
pub(super) fn policies(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    let mut policies = Policies::built_in();
    if policies.extend(text).is_ok() {
        policies.iter().for_each(|policy| assert!(!policy.matrix().is_empty()));
    }
}

static SEALS: LazyLock<Arc<Seals>> = LazyLock::new(|| Arc::new(Seals::generate()));

/// A page token of some query. What is taken for a cursor comes out again, and so does every cursor.
pub(super) fn page_token(bytes: &[u8]) {
    let query = Query::new(Arc::clone(&SEALS), "ListApis", &["hello"]);
    if let Ok(text) = from_utf8(bytes)
        && let Ok(Some(cursor)) = query.cursor(text)
    {
        assert_eq!(query.token(Some(cursor)), text.to_ascii_lowercase());
    }
    let cursor = (!bytes.is_empty()).then(|| Bytes::copy_from_slice(bytes));
    assert_eq!(query.cursor(&query.token(cursor.clone())).ok().flatten(), cursor);
}

/// The token of a preview, or an etag. There is one text for each.
pub(super) fn plan_token(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    if let Some(token) = PlanToken::decode(text) {
        assert_eq!(token.encode(), text.to_ascii_lowercase());
    }
    let mut fields = Fields::default();
    let etag = fields.etag(text);
    assert_eq!(etag.is_some(), !text.is_empty() && fields.is_clean());
}

/// A text that is taken for a name is that name to the letter, and reads as what it is.
fn named<T: FromStr + Display>(text: &str) {
    let Ok(name) = text.parse::<T>() else { return };
    let shown = name.to_string();
    assert_eq!(shown, text);
    assert!(!shown.chars().any(is_hidden), "{shown:?}");
}

/// A text that is understood is shown so that it is understood in the same way.
fn understood<T: FromStr + Display + Debug + PartialEq>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    let shown = value.to_string();
    assert!(!shown.chars().any(is_hidden), "{shown:?}");
    assert_eq!(shown.parse::<T>().ok().as_ref(), Some(&value), "{shown}");
}

/// A name of any kind, as callers write it.
pub(super) fn name(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    named::<Context>(text);
    named::<Label>(text);
    named::<ApplicationId>(text);
    named::<ClientId>(text);
    named::<SubscriptionId>(text);
    named::<WaiverId>(text);
    named::<ClientSecretId>(text);
    named::<PepperId>(text);
    named::<AnnouncementId>(text);
    named::<OrganisationId>(text);
    named::<MaintenanceId>(text);
    named::<InstallKey>(text);
    named::<ServiceUserId>(text);
    named::<NoticeId>(text);
    named::<CompanyId>(text);
    named::<ProjectId>(text);
    named::<AccountId>(text);
    named::<RequestId>(text);
    named::<PolicyName>(text);
    named::<Zone>(text);
    named::<Email>(text);
    named::<AppVersionNumber>(text);
    understood::<Actor>(text);
    understood::<Boundary>(text);
    let _ = (text.parse::<Source>(), text.parse::<Vendor>(), text.parse::<PathUse>(), Kind::named(text));
    if let Ok(label) = text.parse::<Label>() {
        assert_eq!(label.cmp(&label.clone()), std::cmp::Ordering::Equal);
    }
    if let Ok(moment) = text.parse::<Moment>() {
        assert!(moment.instant.timestamp_subsec_nanos() < 1_000_000_000, "{moment}");
        assert_eq!(Moment::at(moment.instant).to_string().parse::<Moment>().ok(), Some(moment));
    }
    if check_text(text, 100).is_ok() {
        assert!(!text.chars().any(|c| c != '\n' && is_hidden(c)) && text.chars().count() <= 100);
    }
}
