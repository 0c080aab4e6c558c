//! The order in which versions are created: a successor before the versions that name it, so that the hub does not warn
//! of a successor that is about to exist.

use std::collections::BTreeSet;

use super::entry::{ApiEntry, VersionEntry};

/// `versions` with successors first, otherwise in the order of the file. Versions that name each other in a circle keep
/// the order of the file.
pub fn successors_first<'a>(versions: Vec<(&'a ApiEntry, &'a VersionEntry)>) -> Vec<(&'a ApiEntry, &'a VersionEntry)> {
    let mut placed = BTreeSet::new();
    let mut ordered = Vec::with_capacity(versions.len());
    for index in 0..versions.len() {
        // A path of successors, followed until it leaves the list or meets what is placed or already on the path.
        let mut path = vec![index];
        let mut on_path = BTreeSet::from([index]);
        while let Some(&last) = path.last() {
            let next = successors(&versions, last).find(|next| !placed.contains(next) && !on_path.contains(next));
            match next {
                Some(next) => {
                    on_path.insert(next);
                    path.push(next);
                }
                None => {
                    path.pop();
                    if placed.insert(last) {
                        ordered.push(versions[last]);
                    }
                }
            }
        }
    }
    ordered
}

fn successors<'v>(versions: &'v [(&ApiEntry, &VersionEntry)], index: usize) -> impl Iterator<Item = usize> + 'v {
    versions[index].1.deployments.iter().filter_map(|deployment| deployment.successor.as_ref()).filter_map(
        |successor| {
            versions
                .iter()
                .position(|(api, version)| api.context == successor.context && version.version == successor.version)
        },
    )
}
