//! The command line as people use it: the real binary against a real hub.
//!
//! | module | what it proves |
//! |---|---|
//! | `catalogue` | plan, apply and export agree; a reviewed plan is applied as reviewed or not at all |
//! | `blocking` | what a catalogue cannot do is told before anything is done (B27, B34) |
//! | `companies` | versions of applications, organisations, listings, installations, maintenance windows (B26) |
//! | `ending` | a catalogue plans, moves, takes back and undoes ends, of operations and namespaces too |
//! | `importing` | subscriptions are judged, brought, and resumed row by row |
//! | `bringing` | companies and service accounts from another system: judged, brought, unchanged (B82) |
//! | `accounts` | companies, projects, service accounts, the dates of their class (B67, B71, B73, B74, B82, B88) |
//! | `asking` | check, explain, list, get and watch; exit codes; errors as sentences with a remedy |
//! | `retiring` | deprecate to reinstate, brownouts, schedule, changelog and calendar; every step has its way back |
//! | `developing` | developers register, subscribe, leave and come back (B43, B44) |
//! | `moving` | subscriptions go to another version and come back, one, some or all; waivers, exemptions, uplifts |
//! | `previewing` | what a change would do is shown, and its token applies that or nothing |
//! | `telling` | announcements and notices: published, loaded, followed, acknowledged (B26, X11) |
//! | `keeping` | secrets, peppers, allowlists and tiers (B52, B55); a secret is printed once and never logged |
//! | `idling` | applications that nobody uses (B58) |
//! | `migrating` | who is how far away from service accounts: funnel, list, burn-down, forecast (B73, B81) |
//! | `checklists` | what developers, companies and operators have to do next about that (B81, B82, B84, B86 to B88) |
//! | `auditing` | the audit trail: exported, verified, erased, asked about the past (B92, B93) |
//! | `approving` | what takes two persons, a sealed code, and a restore that takes away again |
//! | `following` | which gateways follow a hub, and closing their streams |
//! | `local` | commands that need no hub: config, serve, backup, restore, doctor, completions |

mod accounts;
mod approving;
mod asking;
mod auditing;
mod blocking;
mod bringing;
mod catalogue;
mod checklists;
mod companies;
mod developing;
mod ending;
mod following;
#[path = "../it/golden.rs"]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]
mod golden;
mod hub;
mod idling;
mod importing;
mod keeping;
mod local;
mod migrating;
mod moving;
mod previewing;
mod retiring;
mod telling;
