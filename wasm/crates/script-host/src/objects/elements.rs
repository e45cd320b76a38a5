//! Which objects the nodes of the page are, and lists of them: the same each time, and each paid for.

use std::collections::HashMap;

use super::web::{Element, Nodes};
use crate::host::{Answer, Host};
use crate::markup::{DOCUMENT, Form, Place, Selector};
use crate::settings::Surroundings;
use crate::value::Value;

/// Elements of a list, and of all that become objects in lists.
const MAX_LIST: usize = 10_000;
const MAX_ELEMENTS: usize = 20_000;
/// Searches whose end is kept: who goes through a list by its places asks for it at each.
const MAX_SEARCHES: usize = 256;
/// Bytes of a page that cost as much as an item.
pub const BYTES_OF_AN_ITEM: usize = 8;

/// What is asked for: in which node, by what, and which.
type Query = (usize, &'static str, String);

#[derive(Default)]
pub struct Elements {
    objects: HashMap<usize, Value>,
    /// None for what is not there.
    lists: HashMap<Query, Option<Value>>,
    firsts: HashMap<Query, Option<usize>>,
    children: HashMap<(usize, bool), Value>,
}

impl Elements {
    /// There may be more of what was asked for now, or less.
    fn forget(&mut self) {
        self.lists.clear();
        self.firsts.clear();
        self.children.clear();
    }
}

impl Host {
    /// An element of the page that its scripts know by a name alone; None for none.
    pub fn of_page(&mut self, name: &str) -> Option<Answer> {
        let node = self.page.by_id(name);
        self.pay_page();
        Some(self.element(node?))
    }

    /// Names of elements that are variables: in a page all that may be, in other files those that are objects of Windows.
    #[must_use]
    pub fn names_of_page(&self) -> Vec<String> {
        let mut names = self.page.ids();
        if self.settings.surroundings != Surroundings::Page {
            names.retain(|name| {
                let node = self.page.by_name(name, &["object"], DOCUMENT);
                node.is_some_and(|node| Element::of(&self.page, node).class_of_object().is_some())
            });
        }
        names
    }

    /// The object of a node of the page, the same each time. An `object` of a class that there is here is one of that class.
    pub(crate) fn element(&mut self, node: usize) -> Answer {
        if let Some(known) = self.elements.objects.get(&node) {
            return Ok(known.clone());
        }
        let element = Element::of(&self.page, node);
        self.pay_page();
        let made = match element.class_of_object() {
            Some(class) => self.create("object", &class)?,
            None => self.add(Box::new(element))?,
        };
        self.elements.objects.insert(node, made.clone());
        Ok(made)
    }

    /// A list of nodes.
    fn nodes(&mut self, nodes: impl IntoIterator<Item = usize>) -> Answer {
        let mut list = Nodes::default();
        for node in nodes {
            let has_room = self.elements.objects.len() < MAX_ELEMENTS || self.elements.objects.contains_key(&node);
            if list.len() >= MAX_LIST || !has_room {
                self.page.left_out = true;
                break;
            }
            let element = self.element(node)?;
            list.push(&self.page, node, element);
        }
        self.work(list.len());
        self.pay_page();
        self.add(Box::new(list))
    }

    /// What stands in a node, as a list, which may be empty.
    pub(crate) fn children(&mut self, scope: usize, only_elements: bool) -> Answer {
        let query = (scope, only_elements);
        if let Some(known) = self.elements.children.get(&query) {
            return Ok(known.clone());
        }
        let nodes: Vec<usize> = self.page.children(scope, only_elements).take(MAX_LIST + 1).collect();
        self.pay_page();
        let list = self.nodes(nodes)?;
        self.elements.children.insert(query, list.clone());
        Ok(list)
    }

    /// What is asked for, as a list; None where there is nothing of it, or where it cannot be understood.
    pub(crate) fn all_of(&mut self, scope: usize, by: &'static str, what: &str) -> Option<Answer> {
        let query = (scope, by, what.to_owned());
        if let Some(known) = self.elements.lists.get(&query) {
            return known.clone().map(Ok);
        }
        let selector = Selector::by(by, what)?;
        let found = self.page.find(&selector, scope, MAX_LIST + 1);
        self.pay_page();
        let list = if found.is_empty() { None } else { Some(self.nodes(found)) };
        let known = match &list {
            Some(Err(_)) => return list,
            Some(Ok(list)) => Some(list.clone()),
            None => None,
        };
        if self.elements.lists.len() < MAX_SEARCHES {
            self.elements.lists.insert(query, known);
        }
        list
    }

    /// The first of what is asked for.
    pub(crate) fn first_of(&mut self, scope: usize, by: &'static str, what: &str) -> Option<Answer> {
        let node = self.first_node(scope, by, what)?;
        Some(self.element(node))
    }

    pub(crate) fn first_node(&mut self, scope: usize, by: &'static str, what: &str) -> Option<usize> {
        let query = (scope, by, what.to_owned());
        if let Some(known) = self.elements.firsts.get(&query) {
            return *known;
        }
        let found = self.page.find(&Selector::by(by, what)?, scope, 1).first().copied();
        self.pay_page();
        if self.elements.firsts.len() < MAX_SEARCHES {
            self.elements.firsts.insert(query, found);
        }
        found
    }

    /// What stands in a node of the page.
    pub(crate) fn page_text(&mut self, scope: usize, form: Form) -> Value {
        let text = self.page.text(scope, form);
        self.pay_page();
        text
    }

    /// Takes a text into the page that a script writes: the node that it stands in. None where there is no room for it.
    pub(crate) fn add_to_page(&mut self, text: &str, tag: &str, place: Place) -> Option<usize> {
        let made = self.page.add(text, tag, place);
        self.elements.forget();
        self.pay_page();
        made
    }

    pub(crate) fn pay_page(&mut self) {
        let items = self.page.take_cost() / BYTES_OF_AN_ITEM;
        self.work(items);
    }
}
