//! What is known of the elements of HTML.

/// What an element does to the text around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing.
    Inline,
    /// It is not shown, nor is what is in it.
    Hidden,
    /// It has no content, and shows nothing that is text.
    Void,
    /// A line break.
    Break,
    /// It stands on its own, between blank lines.
    Block,
    /// As a block, with its white space kept.
    Preformatted,
    /// A block or, in a list, a part of that.
    List,
    /// A line of a list.
    Item,
    /// A line of its own.
    Line,
    /// Part of a line, apart from the next.
    Cell,
    /// A box in a line, apart from the words on both sides.
    Boxed,
    /// As that, and what is in it is not shown.
    Opaque,
}

use Role::{
    Block, Boxed, Break, Cell, Hidden, Inline, Item, Line, List, Opaque, Preformatted, Void,
};

/// Every element that is not plainly inline, and those that end or keep one, sorted by name.
const ELEMENTS: &[(&[u8], Role)] = &[
    (b"address", Block),
    (b"annotation", Hidden),
    (b"annotation-xml", Hidden),
    (b"applet", Opaque),
    (b"area", Void),
    (b"article", Block),
    (b"aside", Block),
    (b"audio", Hidden),
    (b"base", Void),
    (b"basefont", Void),
    (b"bgsound", Void),
    (b"blockquote", Block),
    (b"body", Block),
    (b"br", Break),
    (b"button", Boxed),
    (b"canvas", Opaque),
    (b"caption", Block),
    (b"center", Block),
    (b"col", Void),
    (b"datalist", Hidden),
    (b"dd", Line),
    (b"desc", Inline),
    (b"details", Block),
    (b"dialog", Block),
    (b"dir", List),
    (b"div", Block),
    (b"dl", List),
    (b"dt", Line),
    (b"embed", Opaque),
    (b"fieldset", Block),
    (b"figcaption", Block),
    (b"figure", Block),
    (b"footer", Block),
    (b"foreignobject", Inline),
    (b"form", Block),
    (b"frame", Void),
    (b"frameset", Hidden),
    (b"h1", Block),
    (b"h2", Block),
    (b"h3", Block),
    (b"h4", Block),
    (b"h5", Block),
    (b"h6", Block),
    (b"head", Inline),
    (b"header", Block),
    (b"hgroup", Block),
    (b"hr", Block),
    (b"html", Block),
    (b"iframe", Opaque),
    (b"image", Void),
    (b"img", Void),
    (b"input", Opaque),
    (b"keygen", Opaque),
    (b"legend", Block),
    (b"li", Item),
    (b"link", Void),
    (b"listing", Preformatted),
    (b"main", Block),
    (b"marquee", Boxed),
    (b"menu", List),
    (b"meta", Void),
    (b"meter", Opaque),
    (b"nav", Block),
    (b"noembed", Hidden),
    (b"noframes", Hidden),
    (b"noscript", Hidden),
    (b"object", Opaque),
    (b"ol", List),
    (b"optgroup", Line),
    (b"option", Line),
    (b"p", Block),
    (b"param", Void),
    (b"plaintext", Preformatted),
    (b"pre", Preformatted),
    (b"progress", Opaque),
    (b"rb", Inline),
    (b"rp", Hidden),
    (b"rt", Inline),
    (b"rtc", Inline),
    (b"ruby", Inline),
    (b"script", Hidden),
    (b"search", Block),
    (b"section", Block),
    (b"select", Opaque),
    (b"source", Void),
    (b"style", Hidden),
    (b"summary", Block),
    (b"svg", Hidden),
    (b"table", Block),
    (b"tbody", Line),
    (b"td", Cell),
    (b"template", Hidden),
    (b"textarea", Opaque),
    (b"tfoot", Line),
    (b"th", Cell),
    (b"thead", Line),
    (b"title", Hidden),
    (b"tr", Line),
    (b"track", Void),
    (b"ul", List),
    (b"video", Opaque),
    (b"wbr", Void),
    (b"xmp", Preformatted),
];

/// The elements of HTML that SVG cannot have in it, sorted by name. It ends before them.
const NEVER_IN_SVG: &[&[u8]] = &[
    b"b",
    b"big",
    b"blockquote",
    b"body",
    b"br",
    b"center",
    b"code",
    b"dd",
    b"div",
    b"dl",
    b"dt",
    b"em",
    b"embed",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"head",
    b"hr",
    b"i",
    b"img",
    b"li",
    b"listing",
    b"menu",
    b"meta",
    b"nobr",
    b"ol",
    b"p",
    b"pre",
    b"ruby",
    b"s",
    b"small",
    b"span",
    b"strike",
    b"strong",
    b"sub",
    b"sup",
    b"table",
    b"tt",
    b"u",
    b"ul",
    b"var",
];

/// An element, by its name. Those that are plainly inline are all one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element(Option<u8>);

impl Element {
    pub(super) fn named(name: &[u8]) -> Self {
        let at = ELEMENTS.binary_search_by_key(&name, |&(name, _)| name).ok();
        Self(at.and_then(|at| u8::try_from(at).ok()))
    }

    fn name(self) -> &'static [u8] {
        self.0.map_or(b"", |at| ELEMENTS[usize::from(at)].0)
    }

    pub(super) fn role(self) -> Role {
        self.0.map_or(Inline, |at| ELEMENTS[usize::from(at)].1)
    }

    /// Whether it has neither content nor an end.
    pub(super) fn is_void(self) -> bool {
        matches!(self.role(), Void | Break)
            || matches!(self.name(), b"embed" | b"hr" | b"input" | b"keygen")
    }

    /// Whether what is in it is not shown.
    pub(super) fn hides(self) -> bool {
        matches!(self.role(), Hidden | Opaque)
    }

    pub(super) fn is_title(self) -> bool {
        self.name() == b"title"
    }

    /// Whether it is all of a page, or all that is shown of it.
    pub(super) fn is_page(self) -> bool {
        matches!(self.name(), b"html" | b"body")
    }

    /// Whether it is there for frames, or for where there are none.
    pub(super) fn is_of_frames(self) -> bool {
        matches!(self.name(), b"frameset" | b"noframes")
    }

    /// Whether it and what is in it are not of HTML.
    pub(super) fn is_foreign(self) -> bool {
        matches!(self.name(), b"svg" | b"annotation" | b"annotation-xml")
    }

    /// Whether this, though hidden, ends before an element of this name however deep that stands in
    /// it, as browsers have it that show a page on whose author forgot an end tag.
    pub(super) fn cannot_hold(self, name: &[u8]) -> bool {
        match self.name() {
            b"svg" => NEVER_IN_SVG.binary_search(&name).is_ok(),
            b"select" => matches!(name, b"input" | b"keygen" | b"select" | b"textarea"),
            _ => false,
        }
    }

    /// Whether anything may stand in this, whatever it is in.
    pub(super) fn may_hold_all(self) -> bool {
        matches!(self.name(), b"desc" | b"foreignobject" | b"template" | b"title")
    }

    /// Whether this, while open, keeps the end tag of an outer `element` from having effect.
    pub(super) fn keeps_in(self, element: Element) -> bool {
        let of_tables = |element: Self| {
            matches!(
                element.name(),
                b"table" | b"caption" | b"thead" | b"tbody" | b"tfoot" | b"tr" | b"td" | b"th"
            )
        };
        match self.name() {
            b"table" | b"template" | b"desc" | b"foreignobject" => {
                element.name() != b"html" && element.name() != b"body"
            }
            b"td" | b"th" | b"caption" => !of_tables(element),
            b"ul" | b"ol" if element.role() == Item => true,
            _ => element.role() == Inline && self.role() != Inline,
        }
    }

    /// Whether this, if open, ends where `next` begins.
    pub(super) fn ends_before(self, next: Element) -> bool {
        match self.name() {
            b"button" => next.name() == b"button",
            b"p" => matches!(next.role(), Block | Preformatted | List | Item) || next.is_term(),
            b"li" => next.role() == Item,
            b"dt" | b"dd" => next.is_term(),
            b"td" | b"th" => next.role() == Cell,
            b"tr" => next.is_row(),
            b"option" => next.name() == b"option",
            b"optgroup" => next.name() == b"optgroup",
            b"thead" | b"tbody" | b"tfoot" => next.is_row() && next.name() != b"tr",
            b"rp" => matches!(next.name(), b"rb" | b"rp" | b"rt" | b"rtc"),
            _ => false,
        }
    }

    /// Whether this, if open, ends where `outer` does although that is plainly inline.
    pub(super) fn ends_with(self, outer: Element) -> bool {
        self.name() == b"rp" && outer.name() == b"ruby"
    }

    /// Whether no element outside of this one, while it is open, ends where `next` begins.
    pub(super) fn keeps_open_before(self, next: Element) -> bool {
        match self.name() {
            // These end with their row.
            b"td" | b"th" => !next.is_row(),
            b"tr" => next.name() == b"tr" || !next.is_row(),
            b"option" => next.name() != b"optgroup",
            b"li" | b"dt" | b"dd" => true,
            // What stands in an item is no reason for it not to end.
            b"div" | b"address" | b"p" => false,
            _ => self.role() != Inline,
        }
    }

    /// A row of a table or a group of them.
    fn is_row(self) -> bool {
        matches!(self.name(), b"tr" | b"thead" | b"tbody" | b"tfoot")
    }

    fn is_term(self) -> bool {
        matches!(self.name(), b"dt" | b"dd")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elements_are_sorted_and_found() {
        assert!(ELEMENTS.is_sorted_by_key(|&(name, _)| name));
        assert!(NEVER_IN_SVG.is_sorted());
        for &(name, role) in ELEMENTS {
            assert_eq!(Element::named(name).role(), role);
        }
        assert_eq!(Element::named(b"span").role(), Inline);
    }
}
