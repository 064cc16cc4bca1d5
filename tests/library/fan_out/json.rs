//! The declared merge of JSON.

use integridai_tower::fan_out::{FanOut, FanOutOptions, JsonMerge, Route};
use tower::ServiceExt;

use super::*;

async fn merged(merge: JsonMerge, bodies: &[(&'static str, &'static str)]) -> (String, Vec<&'static str>) {
    let routes = bodies.iter().map(|(name, body)| Route::optional(*name, answering(200, body)));
    let fan_out = FanOut::new(routes.collect::<Vec<_>>(), FanOutOptions::new(merge)).unwrap();
    let answer = fan_out.oneshot(asking("/")).await.unwrap();
    let words = words(answer.extensions().get().unwrap());
    (text(answer).await, words)
}

#[tokio::test]
async fn values_are_copied_as_they_are_written() {
    let number = "123456789012345678901234567890.10";
    let (text, _) =
        merged(JsonMerge::members(), &[("n", number), ("é\"", " [ 1 ,2 ] "), ("u", r#""\u00e9""#)]).await;
    assert_eq!(text, r#"{"n":123456789012345678901234567890.10,"é\"": [ 1 ,2 ] ,"u":"\u00e9"}"#);
}

#[tokio::test]
async fn an_answer_is_a_member_of_another_name_or_its_members_are() {
    let merge = JsonMerge::members().flatten("profile").member("ads", "advice").missing_member("absent");
    let (text, words) = merged(
        merge,
        &[
            ("profile", r#" {"name":"a","age":{"y":3}, "absent": 1} "#),
            ("ads", "[]"),
            ("name", "\"second\""),
            ("x", "{"),
        ],
    )
    .await;
    assert_eq!(words, ["ok", "ok", "ok", "rejected"]);
    assert_eq!(
        text, r#"{"name":"a","age":{"y":3},"advice":[],"x":null,"absent":["x"]}"#,
        "the first of a name stays"
    );
}

#[tokio::test]
async fn what_is_to_be_flattened_has_to_be_an_object() {
    for body in ["[]", "1", "", "{\"a\":1} x", "{\"a\":1"] {
        let (text, words) = merged(JsonMerge::members().flatten("p"), &[("p", body), ("q", "1")]).await;
        assert_eq!((text.as_str(), words), (r#"{"q":1,"missing":["p"]}"#, vec!["rejected", "ok"]), "{body}");
    }
}

#[tokio::test]
async fn answers_are_a_list_in_the_order_of_the_branches() {
    let (text, _) = merged(JsonMerge::list("results"), &[("a", "1"), ("b", "nul"), ("c", "{}")]).await;
    assert_eq!(text, r#"{"results":[1,null,{}],"missing":["b"]}"#);
}

#[tokio::test]
async fn json_of_any_depth_and_encoding_is_safe() {
    let deep = Box::leak("[".repeat(200_000).into_boxed_str());
    let (text, words) = merged(JsonMerge::members(), &[("deep", deep), ("a", "1")]).await;
    assert_eq!((text.as_str(), words), (r#"{"deep":null,"a":1,"missing":["deep"]}"#, vec!["rejected", "ok"]));
}

#[tokio::test]
async fn of_members_of_one_name_the_first_stays_however_many_there_are() {
    let object = |value: u8| -> &'static str {
        let members: Vec<String> = (0..60).map(|number| format!("\"m{number}\":{value}")).collect();
        Box::leak(format!("{{{}}}", members.join(",")).into_boxed_str())
    };
    let merge = JsonMerge::members().flatten("a").flatten("b");
    let (text, _) = merged(merge, &[("a", object(1)), ("b", object(2)), ("m59", "3")]).await;
    assert_eq!(text, object(1));
}
