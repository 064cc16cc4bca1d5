//! A client that says what the case tells it to, one connection per request, and reports all that it saw.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;

use super::progress::Progress;
use super::wire::{Fields, Head, Wire, framing_of_answer};

#[derive(Debug, Clone, Default)]
pub(crate) struct Question {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) lines: Vec<String>,
    pub(crate) content: Option<String>,
}

/// What the client got; status 0 stands for a connection that was closed without an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Fields,
    pub(crate) content: String,
    pub(crate) trailers: Fields,
    pub(crate) interim: Vec<Head>,
    pub(crate) is_whole: bool,
}

pub(crate) async fn ask(proxy: SocketAddr, question: &Question, progress: &Progress) -> Answer {
    exchange(proxy, question, progress).await.unwrap_or_default()
}

async fn exchange(proxy: SocketAddr, question: &Question, progress: &Progress) -> io::Result<Answer> {
    let mut wire = Wire::new(TcpStream::connect(proxy).await?).counted(progress);
    wire.write(&question.text()).await?;
    let mut answer = Answer::default();
    while let Some(head) = wire.head().await? {
        if (100..200).contains(&head.status()) {
            answer.interim.push(head);
            continue;
        }
        let content = wire.content(framing_of_answer(&question.method, &head)).await;
        answer.status = head.status();
        answer.fields = head.fields;
        answer.content = content.text;
        answer.trailers = content.trailers;
        answer.is_whole = content.is_whole;
        break;
    }
    Ok(answer)
}

impl Question {
    fn text(&self) -> String {
        let mut lines = self.lines.clone();
        if let Some(content) = &self.content {
            lines.push(format!("content-length: {}", content.len()));
        }
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let content = self.content.as_deref().unwrap_or_default();
        let authority = self.target.split_once("://").and_then(|(_, rest)| rest.split('/').next());
        let host = authority.unwrap_or("origin.test");
        format!("{} {} HTTP/1.1\r\nhost: {host}\r\n{lines}\r\n{content}", self.method, self.target)
    }
}
