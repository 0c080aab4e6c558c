//! Files that people write, and tokens that clients hand back.

use std::str::from_utf8;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;

use crate::cli::catalogue::file;
use crate::config::Config;
use crate::domain::policy::Policies;
use crate::rpc::parse::Query;
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
