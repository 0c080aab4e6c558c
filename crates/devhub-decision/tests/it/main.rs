//! The table and the decision, seen from outside. `decisions.txt` beside this folder is the part to read first.

// Said of each module, because clippy permits `unwrap` in what is marked as a test and nowhere else.
#[cfg(test)]
mod apis;
#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod digests;
#[cfg(test)]
mod given;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod many;
#[cfg(test)]
mod model;
#[cfg(test)]
mod namespaces;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod soundness;
#[cfg(test)]
mod suppositions;
#[cfg(test)]
mod terms;
#[cfg(test)]
mod whole;
