//! By what elements are found: ids, names, selectors.

use super::tree::{DOCUMENT, Step};
use super::{Page, Selector};

/// Elements that are variables of the scripts.
const MAX_GLOBAL: usize = 1_000;
/// Bytes of tags that one search goes through: a tag may be as long as the page, and stand around all of it.
const MAX_LOOKED_AT: usize = 64 << 20;
/// Elements whose names are variables too (HTML, 7.3.3: named access on the Window object).
const FOUND_BY_NAME: [&str; 6] = ["form", "img", "iframe", "frame", "embed", "object"];
/// Elements of one name that are looked at for one that fits.
const MAX_ALIKE: usize = 64;

impl Page {
    /// By its id, else by its name, as old browsers find them. Of those alike it is the first of what was read last.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<usize> {
        let found = [self.ids.get(id), self.names.get(id)].into_iter().flatten().copied();
        found.into_iter().find(|node| self.is_live(*node))
    }

    /// By its name or its id in a node, if it is one of these kinds of elements.
    #[must_use]
    pub fn by_name(&self, name: &str, tags: &[&str], scope: usize) -> Option<usize> {
        let all = self.named.get(name)?;
        let behind = if scope == DOCUMENT { 0 } else { all.partition_point(|node| *node <= scope) };
        let fits = |node: &usize| {
            tags.iter().any(|tag| self.is_named(*node, tag))
                && (scope == DOCUMENT || self.is_within(*node, scope))
                && self.is_live(*node)
        };
        all.get(behind..)?.iter().copied().take(MAX_ALIKE).find(fits)
    }

    /// The first elements in a node that fit, at most so many, and as far as looking for them is cheap.
    #[must_use]
    pub fn find(&self, selector: &Selector, scope: usize, most: usize) -> Vec<usize> {
        let dear = self.cost.get().saturating_add(MAX_LOOKED_AT);
        let nodes = self.walk(scope, false).take_while(|_| self.cost.get() < dear).filter_map(|step| match step {
            Step::Into(node) => Some(node),
            Step::OutOf(_) => None,
        });
        nodes.filter(|node| self.is_element(*node) && selector.fits(self, *node)).take(most).collect()
    }

    /// What elements have for attributes of these names, at most so many, in the order of the page.
    #[must_use]
    pub fn values_of(&self, names: &[&str], most: usize) -> Vec<String> {
        let all = (0..self.nodes.len()).flat_map(|node| {
            let own = self.attributes(node).into_iter();
            own.filter(|(name, value)| names.contains(&name.as_str()) && !value.is_empty()).map(|(_, value)| value)
        });
        all.take(most).collect()
    }

    /// Ids, and names of what scripts find by its name alone, that are names of variables in them; in the order of the page.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        let is_name = |id: &str| {
            let is_sign = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '$');
            id.chars().all(is_sign) && !id.starts_with(|sign: char| sign.is_ascii_digit())
        };
        let is_found = |node: &usize| FOUND_BY_NAME.iter().any(|tag| self.is_named(*node, tag));
        let named = self
            .named
            .iter()
            .filter_map(|(name, nodes)| nodes.iter().copied().take(MAX_ALIKE).find(is_found).map(|node| (node, name)));
        let mut ids: Vec<(usize, &String)> = self.ids.iter().map(|(id, node)| (*node, id)).chain(named).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().map(|(_, id)| id.clone()).filter(|id| is_name(id)).take(MAX_GLOBAL).collect()
    }
}
