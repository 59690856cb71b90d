//! What is serialized, as JSON has it: the names are part of the interface.

use dedup::{Cut, Format, Options, Skip, WithinArticle};
use serde_json::{from_str, from_value, json, to_value};

const REPORT: &str = "The ferry across the lower reach does not run on Sunday, says the harbour office, \
    because the cable has to be greased before the ice comes.";

#[test]
fn what_is_said_of_an_article_can_be_serialized() {
    let mut deduper = Options::new().near(0.8).deduper().unwrap();
    deduper.push("herald", REPORT).unwrap();
    let copy = deduper.push("courier", format!("New.\n{REPORT}")).unwrap();
    let there = json!({ "start": 0, "end": REPORT.len() });
    let here = json!({ "start": 5, "end": REPORT.len() + 5 });
    let source = json!({ "article": 0, "id": "herald", "range": there });
    assert_eq!(
        to_value(copy.segments()).unwrap(),
        json!([
            { "kind": "new", "range": { "start": 0, "end": 4 } },
            { "kind": "seen", "range": { "start": 4, "end": REPORT.len() + 5 }, "first": source },
        ])
    );
    assert_eq!(
        to_value(copy.repeats()).unwrap(),
        json!([{ "range": here, "source": source, "exact": true, "canonical_len": REPORT.len() }])
    );
    assert_eq!(
        to_value(copy.blocks()).unwrap(),
        json!([{
            "paragraphs": { "start": 1, "end": 2 },
            "range": here,
            "sources": [{ "range": here, "first": source, "exact": true }],
            "changes": [],
            "near": false,
        }])
    );
    assert_eq!(
        to_value(copy.closest()).unwrap()["id"],
        json!("herald"),
        "the share is no number to compare"
    );

    let changed = deduper.push("gazette", REPORT.replace("ferry", "boat")).unwrap();
    let word = json!({ "article": 0, "id": "herald", "range": { "start": 4, "end": 9 } });
    let block = &to_value(changed.blocks()).unwrap()[0];
    assert_eq!(block["near"], json!(true));
    assert_eq!(block["changes"], json!([{ "range": { "start": 4, "end": 8 }, "source": word }]));

    let stats = to_value(deduper.stats()).unwrap();
    assert_eq!((&stats["blocks"], &stats["skipped"]["indexes"]), (&json!(2), &json!(0)));
    assert_eq!(to_value(Skip::NoArticle).unwrap(), json!("no_article"));
}

#[test]
fn settings_are_read_as_what_they_are_displayed_as() {
    assert_eq!(to_value(Cut::Span).unwrap(), json!("span"));
    assert_eq!(from_str::<Format>("\"jsonl\"").unwrap(), Format::JsonLines);
    for (policy, json) in
        [(WithinArticle::RemoveFrom(500), json!(500)), (WithinArticle::Keep, json!("keep"))]
    {
        assert_eq!(to_value(policy).unwrap(), json);
        assert_eq!(from_value::<WithinArticle>(json).unwrap(), policy);
    }
    assert_eq!(from_str::<WithinArticle>("\"500\"").unwrap(), WithinArticle::RemoveFrom(500));
    assert!(from_str::<WithinArticle>("-1").is_err());
    let error = from_str::<Cut>("\"word\"").unwrap_err().to_string();
    assert!(
        error.starts_with("option cut: \"word\" is not paragraph, sentence or span"),
        "{error}"
    );
}

#[cfg(feature = "index")]
#[test]
fn a_rule_for_boilerplate_is_a_number() {
    use dedup::Frequent::{self, Articles, ShareOfSource};

    for (rule, json) in [
        (Articles(20), json!(20)),
        (ShareOfSource(0.25), json!(0.25)),
        (ShareOfSource(1.0), json!(1.0)),
    ] {
        assert_eq!(to_value(rule).unwrap(), json);
        assert_eq!(from_value::<Frequent>(json).unwrap(), rule);
        assert_eq!(from_value::<Frequent>(json!(rule.to_string())).unwrap(), rule);
    }
    assert!(from_str::<Frequent>("0").is_err());
}
