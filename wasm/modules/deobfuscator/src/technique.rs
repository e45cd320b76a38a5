//! The ways in which something is hidden that are known here.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Technique {
    Base64,
    Base64Url,
    Base64Custom,
    ReverseBase64,
    Hex,
    Url,
    Html,
    UnicodeEscape,
    Charcode,
    Reverse,
    Xor,
    Rot,
    /// The same number added to each byte.
    Add,
    Gzip,
    Zlib,
    Deflate,
    LzString,
    Utf16,
    /// Texts that were cut and are put together with a sign.
    Concat,
    /// The value of an expression that is the same in each run.
    Constant,
    /// A variable that always has one value.
    ConstantVariable,
    /// Values that are made by turning one type into another.
    Coercion,
    /// Texts kept in one list, and fetched by a function that decodes them.
    StringArray,
    /// A function without effects, called with constants.
    PureFunction,
    /// Operators and texts kept in an object.
    ProxyObject,
    /// Statements whose order is in a text.
    Flattening,
    DeadCode,
    /// Names of members as texts.
    ComputedMember,
    /// A text that is run.
    Eval,
    /// A text that is run by a packer's decoder.
    Packer,
    /// A script in a document.
    ScriptElement,
    /// A text that is written into a document.
    DocumentWrite,
    EncodedCommand,
    FormatOperator,
    Backtick,
    JoinSplit,
    Replace,
    Caret,
    Substring,
    Marshal,
    /// Another program's or language's command in a text.
    Command,
    Python,
}

impl Technique {
    /// Whether it hides something by itself, rather than coming along with what does.
    pub const fn is_telling(self) -> bool {
        !matches!(
            self,
            Self::Constant
                | Self::ConstantVariable
                | Self::ComputedMember
                | Self::PureFunction
                | Self::ProxyObject
                | Self::DeadCode
        )
    }

    /// As the facts name it.
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }
}
