//! Elements: what the page says of them, what scripts put into them, and what they would load.

use std::borrow::Cow;

use super::attributes::{Attribute, Attributes, Data};
use super::document::Document;
use super::nodes::Nodes;
use crate::host::{Access, Answer, Fault, Host};
use crate::markup::{self, CONTROLS, Form, Page, Place};
use crate::objects::elements::BYTES_OF_AN_ITEM;
use crate::objects::page::{self, written};
use crate::objects::{Class, Object, blob, class, class_by_id};
use crate::value::{Value, text};

static ELEMENT: Class = Class {
    name: "HTMLElement",
    methods: &[
        "appendChild",
        "insertBefore",
        "removeChild",
        "setAttribute",
        "getAttribute",
        "removeAttribute",
        "addEventListener",
        "removeEventListener",
        "click",
        "submit",
        "querySelector",
        "querySelectorAll",
        "getElementsByTagName",
        "insertAdjacentHTML",
        "cloneNode",
        "focus",
        "remove",
        "getContext",
        "hasAttribute",
        "contains",
        "attachEvent",
        "append",
        "getBoundingClientRect",
        "CreateObject",
        "getElementsByClassName",
    ],
    properties: &[
        "innerHTML",
        "outerHTML",
        "innerText",
        "textContent",
        "src",
        "href",
        "value",
        "style",
        "parentNode",
        "children",
        "childNodes",
        "firstChild",
        "lastChild",
        "nextSibling",
        "id",
        "className",
        "tagName",
        "nodeName",
        "nodeType",
        "type",
        "download",
        "action",
        "classList",
        "dataset",
        "text",
        "width",
        "height",
        "ownerDocument",
        "offsetWidth",
        "offsetHeight",
        "clientWidth",
        "clientHeight",
        "name",
        "title",
        "alt",
        "content",
        "attributes",
        "options",
        "elements",
        "parentElement",
        "firstElementChild",
        "lastElementChild",
        "nextElementSibling",
        "previousSibling",
        "previousElementSibling",
        "nodeValue",
        "data",
    ],
    quiet: &[
        "appendChild",
        "insertBefore",
        "removeChild",
        "getAttribute",
        "removeAttribute",
        "addEventListener",
        "removeEventListener",
        "querySelector",
        "querySelectorAll",
        "getElementsByTagName",
        "cloneNode",
        "focus",
        "remove",
        "getContext",
        "hasAttribute",
        "contains",
        "attachEvent",
        "append",
        "getBoundingClientRect",
        "innerHTML",
        "outerHTML",
        "innerText",
        "textContent",
        "value",
        "style",
        "parentNode",
        "children",
        "childNodes",
        "firstChild",
        "lastChild",
        "nextSibling",
        "id",
        "className",
        "tagName",
        "nodeName",
        "nodeType",
        "type",
        "classList",
        "dataset",
        "text",
        "width",
        "height",
        "ownerDocument",
        "src",
        "href",
        "download",
        "action",
        "offsetWidth",
        "offsetHeight",
        "clientWidth",
        "clientHeight",
        "getElementsByClassName",
        "name",
        "title",
        "alt",
        "content",
        "attributes",
        "options",
        "elements",
        "parentElement",
        "firstElementChild",
        "lastElementChild",
        "nextElementSibling",
        "previousSibling",
        "previousElementSibling",
        "nodeValue",
        "data",
    ],
    default: "",
};

/// Elements whose value is an attribute.
const WITH_VALUE: [&str; 5] = ["INPUT", "BUTTON", "PARAM", "DATA", "LI"];

/// What a script put into an element.
#[derive(Clone)]
enum Content {
    Text(Value),
    /// Of which no nodes were made: there was no room.
    Markup(Value),
    /// What stands in a node of the page.
    Nodes(usize),
}

/// Any element, of the page or made by a script: it keeps what it is given, and tells what it would load.
pub struct Element {
    tag: String,
    /// Which of the page's nodes it is.
    pub(super) node: Option<usize>,
    attributes: Attributes,
    /// What it has instead of what the page says.
    content: Option<Content>,
    /// Its `dataset` and its `attributes`, once they were asked for.
    listed: [Option<Value>; 2],
}

impl Element {
    pub fn new(tag: &str) -> Self {
        let tag = tag.chars().take(40).collect::<String>().to_ascii_uppercase();
        Self { tag, node: None, attributes: Attributes::default(), content: None, listed: [None, None] }
    }

    /// A node of the page.
    pub fn of(page: &Page, node: usize) -> Self {
        let mut attributes = Attributes::default();
        for (name, value) in page.attributes(node) {
            attributes.set(&name, Value::text(value));
        }
        Self { tag: page.tag(node), node: Some(node), attributes, ..Self::new("") }
    }

    /// Of an `object` the class whose object it is, if that is known.
    pub fn class_of_object(&self) -> Option<String> {
        let of = |name: &str| self.attribute(name).filter(|_| self.tag == "OBJECT").map(Value::to_text);
        of("progid").filter(|name| !name.is_empty()).or_else(|| {
            let id = of("classid")?;
            let (scheme, id) = id.trim().split_once(':')?;
            class_by_id(id.trim()).filter(|_| scheme.eq_ignore_ascii_case("clsid")).map(str::to_owned)
        })
    }

    fn is(&self, tags: &[&str]) -> bool {
        tags.contains(&self.tag.as_str())
    }

    // -- attributes ------------------------------------------------------------------------------------------------

    fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.get(name)
    }

    fn set_attribute(&mut self, name: &str, value: Value) {
        self.listed = [None, None];
        self.attributes.set(name, value);
    }

    fn load(&mut self, host: &mut Host, name: &str, address: String) {
        if address.contains("://") || address.starts_with("//") {
            host.network(if self.tag == "SCRIPT" { "loads a script" } else { "loads" }, &address);
        }
        self.set_attribute(name, Value::text(address));
    }

    /// What it loads or leads to.
    fn address(&self) -> String {
        let named = ["href", "src", "action"].iter().find_map(|name| self.attribute(name));
        named.map(Value::to_text).unwrap_or_default()
    }

    fn attribute_list(&mut self, host: &mut Host) -> Answer {
        let mut list = Nodes::default();
        for (name, value) in self.attributes.iter() {
            let item = host.add(Box::new(Attribute { name: name.to_owned(), value: value.clone() }))?;
            list.push_named(name.to_owned(), item);
        }
        host.add(Box::new(list))
    }

    /// An object that is made when it is asked for the first time.
    fn listed(&mut self, host: &mut Host, which: usize) -> Answer {
        if let Some(known) = &self.listed[which] {
            return Ok(known.clone());
        }
        let made = match which {
            0 => host.add(Box::new(Data::of(self.attributes.iter())))?,
            _ => self.attribute_list(host)?,
        };
        self.listed[which] = Some(made.clone());
        Ok(made)
    }

    // -- what stands in it -----------------------------------------------------------------------------------------

    /// The node of the page in which stands what is in it.
    pub(super) fn scope(&self) -> Option<usize> {
        match &self.content {
            Some(Content::Nodes(scope)) => Some(*scope),
            Some(Content::Text(_) | Content::Markup(_)) | None => self.node,
        }
    }

    fn text(&self, host: &mut Host, form: Form) -> Value {
        let is_raw = self.is(&["SCRIPT", "STYLE"]);
        match (&self.content, self.node) {
            (Some(Content::Text(text)), _) if form == Form::Markup && !is_raw => {
                let text = markup::encoded(&text.to_text());
                host.work(text.len() / BYTES_OF_AN_ITEM);
                Value::text(text)
            }
            (Some(Content::Text(text) | Content::Markup(text)), _) => text.clone(),
            (None, Some(node)) if self.is_part() => host.page.words(node).map(Value::text).unwrap_or_default(),
            _ => self.scope().map_or_else(|| Value::text(""), |scope| host.page_text(scope, form)),
        }
    }

    /// Whether it is a text or a comment.
    fn is_part(&self) -> bool {
        self.tag.starts_with('#')
    }

    fn outer(&self, host: &mut Host) -> Value {
        if let (None, Some(node)) = (&self.content, self.node) {
            let whole = host.page.whole(node);
            host.pay_page();
            return Value::text(whole);
        }
        let inner = self.text(host, Form::Markup).to_text();
        let tag = self.tag.to_ascii_lowercase();
        let attributes = self.attributes.iter().map(|(name, value)| (name, value.to_text()));
        let start: String =
            attributes.map(|(name, value)| format!(" {name}=\"{}\"", value.replace('"', "&quot;"))).collect();
        host.work((start.len() + inner.len()) / BYTES_OF_AN_ITEM);
        Value::text(format!("<{tag}{start}>{inner}</{tag}>"))
    }

    /// Of a control what is in it; of a list what is chosen.
    fn value(&self, host: &mut Host) -> Answer {
        if self.tag == "SELECT"
            && let Some(scope) = self.scope()
        {
            let chosen = host.first_of(scope, "querySelector", "option[selected]");
            let option = chosen.or_else(|| host.first_of(scope, "querySelector", "option"));
            return match option.transpose()? {
                Some(Value::Object(option)) => host.ask(option, "value", Access::Get, &[]),
                _ => Ok(Value::text("")),
            };
        }
        let own = self.attribute("value").filter(|_| self.tag != "TEXTAREA").cloned();
        Ok(match own {
            Some(value) => value,
            None => self.text(host, Form::Text),
        })
    }

    /// What a form has under the name of a property: its controls come first.
    fn control(&self, host: &mut Host, member: &str) -> Option<Answer> {
        let node = ELEMENT.property(member).and_then(|name| self.node(&host.page, name));
        host.pay_page();
        Some(host.element(node?))
    }

    /// What a script puts into it, and what that loads.
    fn fill(&mut self, host: &mut Host, member: &str, value: Value) {
        let is_markup = matches!(member, "innerHTML" | "outerHTML");
        let text = value.to_text();
        match is_markup {
            true => page::load(host, &text),
            false => host.work(text.len() / BYTES_OF_AN_ITEM),
        }
        if self.tag == "SCRIPT" {
            host.code("script element", &text);
            host.written.push(format!("<script>{text}</script>"));
        }
        let place = self.node.map_or(Place::Apart, Place::Instead);
        self.content = Some(match is_markup {
            true => host
                .add_to_page(&text, &self.tag, place)
                .map_or_else(|| Content::Markup(Value::text(text)), Content::Nodes),
            false => {
                // What a user sees in a control is none of the page.
                if self.node.is_some() && !self.is_part() && member != "value" {
                    let is_raw = self.is(&["SCRIPT", "STYLE"]);
                    let written = if is_raw { text } else { markup::encoded(&text) };
                    host.add_to_page(&written, &self.tag, place);
                }
                Content::Text(value)
            }
        });
    }

    /// Another one with the same in it.
    fn copied(&self) -> Self {
        let content = self.content.clone().or_else(|| self.node.map(Content::Nodes));
        match self.is_part() {
            true => Self { node: self.node, content: self.content.clone(), ..Self::new(&self.tag) },
            false => Self { attributes: self.attributes.clone(), content, ..Self::new(&self.tag) },
        }
    }
}

impl Object for Element {
    class!(ELEMENT);

    fn name(&self) -> Cow<'_, str> {
        "HTMLElement".into()
    }

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        if let Some(found) = self.control(host, member).or_else(|| self.found(host, member, args)) {
            return found;
        }
        match member {
            "appendChild" | "insertBefore" | "removeChild" | "append" => Ok(args.first().cloned().unwrap_or_default()),
            "setAttribute" => {
                let name = text(args, 0).to_ascii_lowercase();
                match name.as_str() {
                    "src" | "href" | "action" => self.load(host, &name, text(args, 1)),
                    _ => self.set_attribute(&name, Value::text(text(args, 1))),
                }
                Ok(Value::Empty)
            }
            "removeAttribute" => {
                let name = text(args, 0);
                self.listed = [None, None];
                self.attributes.remove(&name);
                Ok(Value::Empty)
            }
            // An `object` of a class that makes others, such as RDS.DataSpace.
            "CreateObject" => host.create("HTMLObjectElement.CreateObject", &text(args, 0)),
            "getAttribute" => Ok(self.attribute(&text(args, 0)).cloned().unwrap_or(Value::Null)),
            "hasAttribute" => Ok(Value::Bool(self.attribute(&text(args, 0)).is_some())),
            "click" if self.tag == "A" => {
                let name = self.attribute("download").map(Value::to_text).unwrap_or_default();
                if !blob::download(host, &self.address(), &name)? {
                    host.go(&self.address());
                }
                Ok(Value::Empty)
            }
            "submit" => {
                host.network("sends to", &self.address());
                Ok(Value::Empty)
            }
            "insertAdjacentHTML" => {
                let place = Place::Behind(self.node.unwrap_or_else(|| host.page.body()));
                written(host, text(args, 1), place);
                Ok(Value::Empty)
            }
            "innerHTML" => Ok(self.text(host, Form::Markup)),
            "outerHTML" => Ok(self.outer(host)),
            "innerText" => Ok(self.text(host, Form::Shown)),
            "textContent" | "text" | "nodeValue" => Ok(self.text(host, Form::Text)),
            "value" => self.value(host),
            "data" if self.is_part() => Ok(self.text(host, Form::Text)),
            // What stands in a template is a document of its own.
            "content" if self.tag == "TEMPLATE" && self.node.is_some() => {
                self.node.map_or(Ok(Value::Empty), |node| host.element(node))
            }
            "tagName" | "nodeName" => Ok(Value::text(&self.tag)),
            "nodeType" => Ok(Value::number(match self.tag.as_str() {
                "#text" => 3,
                "#comment" => 8,
                _ => 1,
            })),
            "className" => Ok(self.attribute("class").cloned().unwrap_or_else(|| Value::text(""))),
            "src" | "href" | "action" | "download" | "id" | "type" | "name" | "title" | "alt" | "content" | "data" => {
                Ok(self.attribute(member).cloned().unwrap_or_else(|| Value::text("")))
            }
            "contains" => Ok(Value::Bool(false)),
            "children"
            | "childNodes"
            | "querySelectorAll"
            | "getElementsByTagName"
            | "getElementsByClassName"
            | "options"
            | "elements" => {
                let inner = host.add(Box::new(Self::new("div")))?;
                let mut list = Nodes::default();
                list.push_named(String::new(), inner);
                host.add(Box::new(list))
            }
            "width" | "height" | "offsetWidth" | "offsetHeight" | "clientWidth" | "clientHeight" => {
                Ok(Value::number(100))
            }
            "nextSibling"
            | "lastChild"
            | "nextElementSibling"
            | "lastElementChild"
            | "previousSibling"
            | "previousElementSibling" => Ok(Value::Null),
            "ownerDocument" => host.add(Box::new(Document { is_own: true })),
            "dataset" => self.listed(host, 0),
            "attributes" => self.listed(host, 1),
            "style" | "classList" | "getContext" | "getBoundingClientRect" => host.generic("HTMLElement.style"),
            "cloneNode" => host.add(Box::new(self.copied())),
            "parentNode" | "parentElement" | "firstChild" | "firstElementChild" | "querySelector" => {
                host.add(Box::new(Self::new("div")))
            }
            _ => Ok(Value::Empty),
        }
    }

    fn put(&mut self, host: &mut Host, member: &'static str, _args: &[Value], value: Value) -> Result<(), Fault> {
        match member {
            "src" | "href" | "action" => self.load(host, member, value.to_text()),
            "className" => self.set_attribute("class", value),
            "download" | "id" | "type" | "name" | "title" | "alt" => self.set_attribute(member, value),
            "value" if self.is(&WITH_VALUE) => self.set_attribute(member, value),
            "innerHTML" | "outerHTML" | "innerText" | "textContent" | "value" | "text" | "nodeValue" => {
                self.fill(host, member, value);
            }
            _ => {}
        }
        Ok(())
    }

    /// An attribute that no element has by itself; handlers are functions, not texts.
    fn field(&self, name: &str) -> Option<Value> {
        let is_handler = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("on"));
        self.attribute(name).filter(|_| !is_handler).cloned()
    }

    fn node(&self, page: &Page, name: &str) -> Option<usize> {
        let scope = self.scope().filter(|_| self.tag == "FORM")?;
        page.by_name(name, &CONTROLS, scope)
    }
}
