//! What is wrong with a text: a value, not a failure.

use std::borrow::Cow;

use serde::Serialize;

use crate::lang::Lang;
use crate::text::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Accepted, but probably not meant.
    Warning,
    /// Refused.
    Error,
}

/// One finding in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub span: Span,
    /// The path of the field it is about, such as `spec.ports[0].port`; empty if it is about the whole document.
    pub field: String,
    /// What the API server or kubectl says of it, to the letter.
    pub message: String,
    /// What would mend it, where we can tell.
    pub hint: Option<Hint>,
}

/// What would mend a text; [`Hint::text`] says it in the learner's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Hint {
    /// A name is nearly another one: that one.
    DidYouMean(String),
    /// A kind of real Kubernetes that the lab does not simulate.
    NotSimulated(String),
    /// The kind exists in another `apiVersion`: that one.
    ApiVersion(String),
    /// A number or a bool stands where a string is wanted: the value in quotes.
    Quote(String),
    /// A string stands where a number or a bool is wanted: the value without quotes.
    Unquote(String),
    /// A field that belongs to a parent of where it stands, or to a child: the path where it would be known.
    Moved(String),
    /// A tab indents.
    Tab,
    /// Deeper than the lab reads.
    TooDeep,
    /// More is wrong than the lab lists.
    TooMany,
    /// A template's `{{ }}` that nobody has filled in.
    Template,
    /// The key comes again further down: that one counts.
    Repeated(String),
    /// What else would mend it, in each language.
    #[expect(missing_docs, reason = "languages")]
    Say { en: Cow<'static, str>, zh: Cow<'static, str> },
}

impl Hint {
    /// The hint as a sentence.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::DidYouMean(name) => lang.pick(format!("did you mean {name}?"), format!("是不是想写 {name}？")),
            Self::NotSimulated(kind) => lang.pick(
                format!("a real cluster knows {kind}; this lab does not simulate it"),
                format!("真实集群支持 {kind}，但本实验环境没有模拟它"),
            ),
            Self::ApiVersion(version) => lang
                .pick(format!("this kind is in apiVersion {version}"), format!("这个 kind 属于 apiVersion {version}")),
            Self::Quote(value) => lang.pick(format!("write it in quotes: {value}"), format!("请加上引号：{value}")),
            Self::Unquote(value) => {
                lang.pick(format!("write it without quotes: {value}"), format!("请去掉引号：{value}"))
            }
            Self::Moved(path) => lang.pick(format!("this field belongs at {path}"), format!("这个字段应写在 {path}")),
            Self::TooMany => lang.pick(
                "kubectl would go on; mend the documents above first".into(),
                "kubectl 会继续读下去；请先改好上面的文档".into(),
            ),
            Self::Tab => lang
                .pick("YAML is indented with spaces, never with tabs", "YAML 只能用空格缩进，不能用制表符（Tab）")
                .into(),
            Self::TooDeep => lang
                .pick(
                    "the lab reads 250 levels; kubectl reads 10,000",
                    "本实验环境最多读取 250 层嵌套，kubectl 最多 10,000 层",
                )
                .into(),
            Self::Template => lang
                .pick(
                    "this looks like a template; fill in the values first, as `helm template` does",
                    "这看起来是模板，请先填入具体的值（例如用 `helm template` 渲染）",
                )
                .into(),
            Self::Say { en, zh } => lang.pick(en, zh).to_string(),
            Self::Repeated(key) => lang.pick(
                format!("{key} comes again below, and the last one counts"),
                format!("下面又出现了 {key}，以最后一个为准"),
            ),
        }
    }
}
