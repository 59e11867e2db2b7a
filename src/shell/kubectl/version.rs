//! `kubectl version`

use super::super::flags::{Flag, switch, value};
use super::{Call, Fail};

pub(super) const FLAGS: &[Flag] = &[switch("client", ' '), value("output", 'o', "FORMAT")];

/// `kubectl version`
pub(super) fn version(call: &mut Call) -> Result<i32, Fail> {
    if !call.flags.words.is_empty() {
        return Err(Fail::Error(format!("extra arguments: [{}]", call.flags.words.join(" "))));
    }
    call.io.out("Client Version: v1.37.0\nKustomize Version: v5.8.1\n");
    if !call.flags.on("client") {
        call.io.out("Server Version: v1.37.0\n");
    }
    Ok(0)
}
