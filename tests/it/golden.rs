//! Golden texts: what is generated must equal what is committed. `DEVHUB_BLESS=1` writes instead of comparing.

/// Compares `text` with the committed file.
pub(crate) fn compare(path: &str, text: &str) {
    let full = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("DEVHUB_BLESS").is_some() {
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(&full, text).unwrap();
    }
    let committed = std::fs::read_to_string(&full).unwrap_or_default();
    if let Some((number, (was, is))) =
        committed.lines().zip(text.lines()).enumerate().find(|(_, (committed, made))| committed != made)
    {
        panic!("{path}:{}: committed {was:?}, made {is:?}; DEVHUB_BLESS=1 accepts the change", number + 1);
    }
    assert_eq!(committed.lines().count(), text.lines().count(), "{path}: DEVHUB_BLESS=1 accepts the change");
}
