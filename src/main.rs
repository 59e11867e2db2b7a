//! kubehop: with the feature `web` the page, without it the command line.

#[cfg(feature = "web")]
#[expect(unreachable_pub, reason = "the component macro makes public items")]
mod view;

fn main() {
    #[cfg(feature = "web")]
    view::mount();
}
