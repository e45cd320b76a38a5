//! From one element to others: by where they stand to it, and by what is looked for in it.

use super::element::Element;
use crate::host::{Answer, Host};
use crate::markup::Near;
use crate::value::{Value, text};

/// Members that are another node, and which.
const NEAR: [(&str, Near); 8] = [
    ("firstChild", Near::First),
    ("firstElementChild", Near::First),
    ("lastChild", Near::Last),
    ("lastElementChild", Near::Last),
    ("nextSibling", Near::Next),
    ("nextElementSibling", Near::Next),
    ("previousSibling", Near::Previous),
    ("previousElementSibling", Near::Previous),
];

impl Element {
    /// Another node; None where it is not known where this one stands.
    fn near(&self, host: &Host, member: &str) -> Option<Option<usize>> {
        let Some((_, which)) = NEAR.iter().find(|(known, _)| *known == member) else {
            return Some(host.page.parent(self.node?));
        };
        let from = if matches!(which, Near::First | Near::Last) { self.scope()? } else { self.node? };
        Some(host.page.near(from, *which, member.contains("Element")))
    }

    /// What is looked for in it or beside it; None where there is nothing of it.
    pub(super) fn found(&self, host: &mut Host, member: &'static str, args: &[Value]) -> Option<Answer> {
        match member {
            "children" | "childNodes" => Some(host.children(self.scope()?, member == "children")),
            "querySelector" => host.first_of(self.scope()?, member, &text(args, 0)),
            "querySelectorAll" | "getElementsByTagName" | "getElementsByClassName" | "options" | "elements" => {
                host.all_of(self.scope()?, member, &text(args, 0))
            }
            "parentNode" | "parentElement" => self.beside(host, member),
            _ if NEAR.iter().any(|(known, _)| *known == member) => self.beside(host, member),
            _ => None,
        }
    }

    fn beside(&self, host: &mut Host, member: &str) -> Option<Answer> {
        let near = self.near(host, member)?;
        host.pay_page();
        Some(near.map_or(Ok(Value::Null), |node| host.element(node)))
    }
}
