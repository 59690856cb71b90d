//! Names of elements: what they mean depends on the namespaces that are declared around them.

use std::borrow::Cow;

use quick_xml::events::BytesStart;
use quick_xml::name::{Namespace, NamespaceResolver, Prefix, PrefixDeclaration, ResolveResult};

use super::xml::lower_case;

/// Where the name of an element is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vocabulary {
    /// RSS or Atom, of which no names clash.
    Feed,
    /// The module of RSS for whole articles.
    Content,
    DublinCore,
    /// The module of RSS for what is heard and seen.
    Media,
    /// That of the directory of podcasts.
    Podcast,
    Xhtml,
    Other,
}

impl Vocabulary {
    /// None if the namespace is not known. Some that are in use were never written down.
    fn of_namespace(namespace: &str) -> Option<Self> {
        Some(match namespace {
            "http://www.w3.org/2005/Atom"
            | "http://purl.org/atom/ns#"
            | "http://purl.org/rss/1.0/"
            | "http://my.netscape.com/rdf/simple/0.9/"
            | "http://channel.netscape.com/rdf/simple/0.9/"
            | "http://backend.userland.com/rss2" => Self::Feed,
            "http://purl.org/rss/1.0/modules/content/" => Self::Content,
            "http://purl.org/dc/elements/1.1/" => Self::DublinCore,
            "http://search.yahoo.com/mrss/" | "http://search.yahoo.com/mrss" => Self::Media,
            "http://www.itunes.com/dtds/podcast-1.0.dtd" => Self::Podcast,
            "http://www.w3.org/1999/xhtml" => Self::Xhtml,
            _ => return None,
        })
    }

    /// Whether no feed is made of this alone.
    fn is_beside(self) -> bool {
        matches!(self, Self::Media | Self::Podcast | Self::Xhtml)
    }

    /// What a prefix stands for where that is not declared, or not as anything known.
    fn of_prefix(prefix: Option<&str>) -> Self {
        match prefix.map(lower_case).as_deref() {
            None | Some("atom" | "rss" | "a10") => Self::Feed,
            Some("content") => Self::Content,
            Some("dc") => Self::DublinCore,
            Some("media") => Self::Media,
            Some("itunes") => Self::Podcast,
            Some("xhtml") => Self::Xhtml,
            Some(_) => Self::Other,
        }
    }
}

/// The namespaces that are declared where something stands.
#[derive(Debug, Default)]
pub(super) struct Scope(NamespaceResolver);

impl Scope {
    /// Elements that may be open at a time.
    pub(super) const DEEPEST: usize = u16::MAX as usize - 1;

    pub(super) fn enter(&mut self, tag: &BytesStart<'_>) {
        /// Longer prefixes are not known, so that neither memory nor a search depends on them.
        const LONGEST: usize = 32;

        self.0.set_level(self.0.level().saturating_add(1));
        for attribute in tag.attributes().with_checks(false).flatten() {
            let prefix = match attribute.key.as_namespace_binding() {
                Some(PrefixDeclaration::Named(prefix)) if prefix.len() > LONGEST => continue,
                Some(prefix) => prefix,
                None => continue,
            };
            // What else it may be bound to matters no more than that it is not bound to what it was.
            let known = Vocabulary::of_namespace(&attribute.value).is_some();
            let namespace = if known { &*attribute.value } else { "" };
            // What may not be declared, or is one declaration too many, declares nothing.
            let _ = self.0.add(prefix, Namespace(namespace));
        }
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    /// Leaves all but the `depth` outermost elements.
    pub(super) fn leave_down_to(&mut self, depth: usize) {
        self.0.set_level(u16::try_from(depth).unwrap_or(u16::MAX));
    }

    /// The name of an element in the one that was entered last.
    pub(super) fn name_within<'t>(
        &mut self,
        tag: &'t BytesStart<'_>,
    ) -> (Vocabulary, Cow<'t, str>) {
        self.enter(tag);
        let name = self.name(tag);
        self.leave();
        name
    }

    /// The name of an element that was entered, in lower case.
    pub(super) fn name<'t>(&self, tag: &'t BytesStart<'_>) -> (Vocabulary, Cow<'t, str>) {
        let (namespace, local) = self.0.resolve_element(tag.name());
        let known = match namespace {
            ResolveResult::Bound(Namespace(namespace)) => Vocabulary::of_namespace(namespace),
            ResolveResult::Unbound | ResolveResult::Unknown(_) => None,
        };
        let prefix = tag.name().prefix().map(Prefix::into_inner);
        // Where these are declared for all that has no prefix, the feed is one nevertheless.
        let known = known.filter(|known| prefix.is_some() || !known.is_beside());
        (known.unwrap_or_else(|| Vocabulary::of_prefix(prefix)), lower_case(local.into_inner()))
    }

    /// Declarations of the prefixes that only these tell anything of.
    pub(super) fn unusual(&self) -> String {
        /// More are not known at a time.
        const MOST: usize = 16;

        let bindings = self.0.bindings().filter_map(|(prefix, Namespace(namespace))| {
            let PrefixDeclaration::Named(prefix) = prefix else { return None };
            let vocabulary = Vocabulary::of_namespace(namespace)?;
            let is_name = prefix.chars().all(|char| char.is_alphanumeric() || "-_.".contains(char));
            let is_usual = Vocabulary::of_prefix(Some(prefix)) == vocabulary;
            (is_name && !is_usual).then(|| format!(" xmlns:{prefix}='{namespace}'"))
        });
        bindings.take(MOST).collect()
    }
}
