//! Where fuzzers begin: real things of each kind, as bytes. `DEVHUB_BLESS=1` writes them.

use std::fs;
use std::path::Path;

use super::{access, audit, copy, store};

#[test]
fn every_kind_of_file_has_its_real_ones_in_the_corpus() {
    let commits = store::seeds::commits();
    let kinds = [
        ("backup", store::seeds::backups()),
        ("copy", copy::seeds::copies()),
        ("frame", store::seeds::frames()),
        ("record", store::seeds::records()),
        ("token", access::seeds::tokens()),
        ("trail", audit::seeds::trails(&commits[..3])),
    ];
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (kind, seeds) in kinds {
        for (name, bytes) in seeds {
            let path = corpora.join(kind).join(format!("real-{name}"));
            if std::env::var_os("DEVHUB_BLESS").is_some() {
                fs::create_dir_all(path.parent().expect("a directory")).expect("the corpus");
                fs::write(&path, &bytes).expect("the corpus");
            }
            let found = fs::read(&path).expect("it is in the corpus: write it with DEVHUB_BLESS=1");
            assert!(found == bytes, "{} is not what is written today", path.display());
        }
    }
}
