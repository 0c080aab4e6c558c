//! Steps of checklists: what has to be done, how far it is, and whose turn it is.

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepKind {
    /// The application lives in production.
    Uplift,
    /// The application is approved for production, and not blocked (rule B80).
    ProductionApproval,
    /// The organisation that owns the application is verified (rule B80).
    Organisation,
    /// A version declares a service account.
    Declare,
    /// Such a version is promoted (rule B81).
    Promote,
    /// Such a version is submitted for review (rule B79).
    Submit,
    /// Such a version is approved, and the application listed (rules B79, B86).
    List,
    /// Everybody with an old account has installed the application.
    Install,
    /// Nobody runs an old version (rule B78).
    Update,
    /// The application calls with its own credentials (rule B83).
    CutOver,
    /// It is said of every account whose it is (rule B82).
    Classify,
    /// What is installed may reach projects (rule B77).
    PermitProjects,
    /// The old accounts are removed (rule B84).
    Remove,
}

impl StepKind {
    /// All of them.
    pub const ALL: [StepKind; 13] = [
        StepKind::Uplift,
        StepKind::ProductionApproval,
        StepKind::Organisation,
        StepKind::Declare,
        StepKind::Promote,
        StepKind::Submit,
        StepKind::List,
        StepKind::Install,
        StepKind::Update,
        StepKind::CutOver,
        StepKind::Classify,
        StepKind::PermitProjects,
        StepKind::Remove,
    ];
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepState {
    /// Nothing is left to do.
    Done,
    /// It is the turn of whoever the checklist is for.
    Open,
    /// It is somebody else's turn.
    Waiting,
    /// A step before it comes first.
    Later,
}

/// One step of a checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is about.
    pub kind: StepKind,
    /// How far it is.
    pub state: StepState,
    /// What has to be done, by whom, or what was.
    pub sentence: String,
    /// How many companies, versions or accounts are left.
    pub left: u64,
}

impl Step {
    /// A step of which nothing is counted.
    pub(super) fn new(kind: StepKind, state: StepState, sentence: impl Into<String>) -> Step {
        Step { kind, state, sentence: sentence.into(), left: 0 }
    }

    /// The same with what is left of it.
    #[must_use]
    pub(super) fn with_left(self, left: u64) -> Step {
        Step { left, ..self }
    }
}

/// The first step that whoever the checklist is for can take.
pub fn next_step(steps: &[Step]) -> Option<&Step> {
    steps.iter().find(|step| step.state == StepState::Open)
}

/// `count` things, in words.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}
