//! What the origin does with one request.

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Framed {
    #[default]
    Length,
    Chunked,
    UntilClosed,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    No,
    /// Closes the connection once the request is read.
    NoAnswer,
    /// Closes the connection after so many bytes of the content.
    After(usize),
}

/// What the origin waits for before it answers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Hold {
    #[default]
    No,
    /// The proxy holds, or held, so many requests of this step.
    Arrived(usize),
    /// So many clients of this step are gone or answered.
    Left(usize),
}

#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) status: u16,
    pub(crate) lines: Vec<String>,
    pub(crate) content: Option<String>,
    pub(crate) framed: Framed,
    pub(crate) trailers: Vec<String>,
    pub(crate) interim: Vec<(u16, Vec<String>)>,
    pub(crate) fault: Fault,
    pub(crate) hold: Hold,
    /// Pieces of the content end with `|`; after each one the origin waits until so many clients have it. Zero: no pieces.
    pub(crate) paced: usize,
    pub(crate) is_dated: bool,
    /// The content is what the request says in this field.
    pub(crate) echoes: Option<&'static str>,
    /// Answers 304 where the request carries a condition.
    pub(crate) confirms: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            status: 200,
            lines: Vec::new(),
            content: None,
            framed: Framed::default(),
            trailers: Vec::new(),
            interim: Vec::new(),
            fault: Fault::default(),
            hold: Hold::default(),
            paced: 0,
            is_dated: true,
            echoes: None,
            confirms: false,
        }
    }
}

impl Script {
    pub(crate) fn for_request(mut self, is_conditional: bool) -> Self {
        if self.confirms && is_conditional {
            self.status = 304;
        }
        self
    }
}
