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
//! | `authenticating` | B52, B53: secrets of applications, made, listed, expired, revoked |
//! | `asserting` | B53: public keys of applications, and assertions that they sign |
//! | `rationing` | how much callers may have and how fast: failures, changes, quotas; sealed places of lists |
//! | `verifying` | B54: credentials verified, hashes renewed; no secret is kept or told |
//! | `fencing` | B55: the networks that an application may call from, and how fast |
//! | `accounts` | B25, B67 to B75, B88: traditional service accounts and the dates of their class |
//! | `migrating` | B69, B70, B81 to B89: the migration away from them, as it really went |
//! | `cutting` | B81, B83, B89: the first call of an installed application, and who may not count as one |
//! | `checklists` | B77 to B88, X12: what a developer, a company and an operator have to do next about the migration |
//! | `deciding` | B60 to B63: what gateways are told |
//! | `envoy` | B60 to B63, B65: what Envoy is told |
//! | `companies` | B65, B66, B69, B70, B90: what they are told of companies and service accounts |
//! | `moving` | B45 to B48: moves |
//! | `herding` | B45: the moves of many applications |
//! | `undoing` | B44, B47: the way back |
//! | `uplifting` | B15, X2: from the sandbox to production |
//! | `waiving` | B17, B18, X3: dated exceptions |
//! | `trail` | B92: the audit trail |
//! | `auditing` | B92, B93: the trail exported: every byte changed, every cut, erased persons, the past asked about |
//! | `redacting` | what a trail holds of a commit, for ever, and what it leaves out |
//! | `attesting` | signed heads: a journal that was cut or rewritten, a trail that was computed anew |
//! | `sampling` | the log of decisions: what is sampled, what is lost, what never stands in it |
//! | `principals` | who calls is who the credentials say, and nobody else |
//! | `rotating_keys` | keys and certificates are replaced while the hub runs |
//! | `belonging` | a gateway asks about its own environment only |
//! | `racing` | B16, X1: subscribe against deprecate |
//! | `folding` | the table equals the fold of the journal and a naive scan |
//! | `rules` | every promised rule is named by a test |
//! | `guarding` | the smaller rules, limits and etags |
//! | `refusing` | bad input |
//! | `enduring` | faults: cancelled clients, full disks, failing syncs |
//! | `mustering` | B81 to B89: phases follow from the facts alone, for any history |
//! | `killing` | kill -9 of the whole server, fifty times |
//! | `usage` | who still calls what: counted calls, classes, what a crash loses |
//! | `reporting` | calls that gateways report: judged item by item, counted once |
//! | `usage` | who still calls what: counted calls, reports, classes, what a crash loses |
//! | `disuse` | B58: applications that nobody uses |
//! | `idling` | B58: what is told is what was planned, for any history of calls |
//! | `knowing` | from when on every call was counted, across stops, kills and lost notes |
//! | `contract` | the wire as a golden listing, and what every message must have |
//! | `previewing` | what a preview shows is what then happens; its token binds |
//! | `scheduling` | B26 to B36, B71, B72: plans, revisions, withdrawals, batches, what was public when |
//! | `recalling` | B27, B71, B72: what was announced before a hub kept it, and no notice that nobody got |
//! | `noticing` | B33, B91, X5: notices planned and given once each; B26, X8: their dates |
//! | `reading` | B91: notices acknowledged, listed, followed |
//! | `crying` | B33, B91: what is told is what was planned, for any history; 10,000 told once each across kill -9 |
//! | `telling` | the crier in trouble: failing subjects, cut runs, long lists; what can be measured |
//! | `announcing` | B26, X11: announcements, their revisions, what they say differently from the ledger |
//! | `heralding` | B33, B71, B88, B91: the dates of service accounts are told to companies and developers, as they really were |
//! | `hearing` | B33: companies list, follow and acknowledge their notices; the crier in trouble with them |
//! | `foretelling` | B33, B91: the same for any history of dates and accounts, and across kill -9 |
//! | `stories` | a real retirement of HMRC's, from announcement to last refused call, as a transcript |
//! | `sunsets` | B28: Procore's Vapid as a transcript, and its line item operations |
//! | `policies` | the status matrices and the legal moves as golden text |
//! | `promoting` | B78, B80: versions of applications, their steps, and what the owner's status permits |
//! | `listing` | B79, B86, B87: the marketplace, and which version is available |
//! | `installing` | B76 to B79, B86, B87, B90, X13: installations, what they keep and what a company approves |
//! | `shortening` | B88: an extension ends sooner, and never in the past |
//! | `settling` | B78, B81, B87: installations from another system, since when they exist there |
//! | `keeping` | B77, X13: permitted projects survive any sequence of updates and reinstallations |
//! | `maintaining` | B26: maintenance windows and their one gate |
//! | `consenting` | what one person alone must not do: proposed, approved by another, or done on record with a sealed code |
//! | `restoring` | a restored hub decides nothing and takes nothing but what takes something away, until two confirm it |
//! | `authz` | B60 to B63: what gateways ask about requests over HTTP |
//! | `authzen` | B61, B63: the same in the words of AuthZEN |
//! | `syncing` | what gateways that follow are sent, and what they make of messages lost, late or twice |
//! | `replicating` | B60, B61, B63, B64: a replica decides as its hub does, across cuts, restarts and restores |
//! | `fleet` | who follows, how far each is, how many may, and how a stream is closed |
//! | `bounding` | what a replica does not wait for, take or keep |
//! | `mirroring` | B60, B63: a replica decides as its hub does, for any history of a world that has everything |
//! | `narrowing` | a gateway that serves some APIs is sent what is about them, and is not asked about others |
//! | `freezing` | B64: a process that stood still past its lease lets nobody pass by what it held |
//! | `outliving` | no stream outlives what proved its caller; gateways that are revoked |
//! | `agent` | B60 to B64: an agent replies as its hub does, byte for byte, or not at all |
//! | `untouched` | an update changes what it names and nothing else |
//! | `connecting` | no listener answers whoever does not prove itself in the handshake |
//! | `agreeing` | B77, B81: no migration without its developer and its company |
//! | `replying` | B61, B63: no reply is an allow because something of it is missing |
//! | `architecture` | the direction of the arrows |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod access_admission;
mod access_matrix;
mod access_requests;
mod accounts;
mod agent;
mod agreeing;
mod announcing;
mod applications;
mod architecture;
mod asserting;
mod attesting;
mod auditing;
mod authenticating;
mod authz;
mod authzen;
mod belonging;
mod bounding;
mod bringing;
mod checklists;
mod companies;
mod connecting;
mod consenting;
mod contract;
mod crying;
mod cutting;
mod deciding;
mod disuse;
mod enduring;
mod envoy;
mod fencing;
mod fleet;
mod folding;
mod foretelling;
#[path = "../support/frames.rs"]
mod frames;
mod freezing;
mod golden;
mod guarding;
mod hearing;
mod heralding;
mod herding;
#[path = "../peers/http.rs"]
mod http;
mod idling;
mod installing;
mod keeping;
mod killing;
mod knowing;
mod leaving;
mod lifecycle;
mod limiting;
mod listing;
mod maintaining;
mod migrating;
mod mirroring;
mod moving;
mod mustering;
mod narrowing;
mod noticing;
mod outliving;
mod pki;
mod policies;
mod previewing;
mod principals;
mod promoting;
mod racing;
mod rationing;
#[path = "../support/raw.rs"]
mod raw;
mod reading;
mod recalling;
mod redacting;
mod refusing;
mod replica;
mod replicating;
mod replying;
mod reporting;
mod restoring;
mod rotating;
mod rotating_keys;
mod rules;
mod sampling;
mod scheduling;
mod settling;
mod shortening;
mod stories;
mod subscribing;
mod sunsets;
mod syncing;
mod telling;
mod trail;
mod undoing;
mod untouched;
mod uplifting;
mod usage;
mod vault;
mod verifying;
mod waiving;
mod world;
