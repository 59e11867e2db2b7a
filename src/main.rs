//! kubehop: with the feature `web` the page, without it the command line.
fn main() {}
