//! kubehop: with the feature `web` the page, without it the command line.

#[cfg(not(feature = "web"))]
mod cli;
#[cfg(feature = "web")]
#[expect(unreachable_pub, reason = "the component macro makes public items")]
mod view;

#[cfg(not(feature = "web"))]
fn main() -> std::process::ExitCode {
    cli::run()
}

#[cfg(feature = "web")]
fn main() {
    view::mount();
}
