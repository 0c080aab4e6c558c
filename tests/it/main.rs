//! The rules, proven through the wire: a real server, a real store, a manual clock, the generated client.
//!
//! | module | what it proves |
//! |---|---|
//! | `accounts` | B25, B67, B68, B71 to B75, B82, B84, B88: service accounts and the dates of their class |
//! | `bringing` | B67, B82, B92: service accounts from another system, in order and in bulk |
//! | `subscribing` | B01 to B20: who may subscribe to what |
//! | `lifecycle` | B21 to B41: deprecation, retirement, the instant at which each takes effect |
//! | `leaving` | B42 to B49: unsubscribing and coming back |
//! | `applications` | B50 to B59: people, approval, deletion and restoring |
//! | `deciding` | B60 to B63: what gateways are told |
//! | `moving` | B45 to B48: moves, of one or many |
//! | `undoing` | B44, B47: the way back |
//! | `uplifting` | B15, X2: from the sandbox to production |
//! | `waiving` | B17, B18, X3: dated exceptions |
//! | `trail` | B92: the audit trail |
//! | `racing` | B16, X1: subscribe against deprecate |
//! | `folding` | the table equals the fold of the journal and a naive scan |
//! | `rules` | every promised rule is named by a test |
//! | `guarding` | the smaller rules, limits and etags |
//! | `refusing` | bad input |
//! | `enduring` | faults: cancelled clients, full disks, failing syncs |
//! | `killing` | kill -9 of the whole server, fifty times |
//! | `usage` | who still calls what: counted calls, reports, classes, what a crash loses |
//! | `contract` | the wire as a golden listing, and what every message must have |
//! | `previewing` | what a preview shows is what then happens; its token binds |
//! | `scheduling` | B26 to B36, B71, B72: plans, revisions, withdrawals, batches, what was public when |
//! | `noticing` | B33, B91, X5: notices planned, given once each, acknowledged, followed; B26, X8: their dates |
//! | `crying` | B33, B91: what is told is what was planned, for any history; 10,000 told once each across kill -9 |
//! | `announcing` | B26, X11: announcements, their revisions, what they say differently from the ledger |
//! | `stories` | two real retirements from announcement to last refused call, as transcripts |
//! | `policies` | the status matrices and the legal moves as golden text |
//! | `architecture` | the direction of the arrows |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod accounts;
mod announcing;
mod applications;
mod architecture;
mod bringing;
mod contract;
mod crying;
mod deciding;
mod enduring;
mod folding;
mod golden;
mod guarding;
mod killing;
mod leaving;
mod lifecycle;
mod moving;
mod noticing;
mod policies;
mod previewing;
mod racing;
mod refusing;
mod rules;
mod scheduling;
mod stories;
mod subscribing;
mod trail;
mod undoing;
mod uplifting;
mod usage;
mod waiving;
mod world;
