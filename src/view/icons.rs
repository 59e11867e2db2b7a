//! The page's icons: one sheet of symbols, drawn on a grid of 16.

use kubehop::scene::Mark;
use leptos::prelude::*;

/// An icon of the sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// A tick.
    Check,
    /// A cross.
    Cross,
    /// A chevron down.
    Down,
    /// An octagon with an exclamation mark.
    Error,
    /// A triangle with an exclamation mark.
    Warning,
    /// A plus.
    Plus,
    /// A half-filled disc.
    Theme,
    /// A screen on a stand.
    Screen,
    /// Three lines.
    Menu,
    /// Three dots.
    More,
    /// A printer.
    Print,
}

impl Icon {
    const fn shape(self) -> &'static str {
        match self {
            Self::Check => {
                r#"<path d="m3.5 8.5 3 3 6-7" stroke="currentColor" stroke-width="1.6" fill="none" stroke-linecap="round" stroke-linejoin="round"/>"#
            }
            Self::Cross => {
                r#"<path d="m4 4 8 8M12 4l-8 8" stroke="currentColor" stroke-width="1.5" fill="none" stroke-linecap="round"/>"#
            }
            Self::Down => {
                r#"<path d="m4.5 6.5 3.5 3.5 3.5-3.5" stroke="currentColor" stroke-width="1.4" fill="none" stroke-linecap="round" stroke-linejoin="round"/>"#
            }
            Self::Error => {
                r#"<path d="M5.3 1.8h5.4l3.5 3.5v5.4l-3.5 3.5H5.3l-3.5-3.5V5.3z" fill="currentColor"/><path d="M8 4.8v4M8 11v.2" stroke="var(--surface)" stroke-width="1.6" stroke-linecap="round"/>"#
            }
            Self::Warning => {
                r#"<path d="M8 2 15 14H1z" fill="currentColor" stroke="currentColor" stroke-linejoin="round"/><path d="M8 6.4v3.4M8 11.9v.1" stroke="var(--surface)" stroke-width="1.6" stroke-linecap="round"/>"#
            }
            Self::Plus => {
                r#"<path d="M8 3v10M3 8h10" stroke="currentColor" stroke-width="1.4" stroke-linecap="round"/>"#
            }
            Self::Theme => {
                r#"<circle cx="8" cy="8" r="5.2" stroke="currentColor" stroke-width="1.4" fill="none"/><path d="M8 2.8a5.2 5.2 0 0 1 0 10.4z" fill="currentColor"/>"#
            }
            Self::Screen => {
                r#"<path d="M2 3h12v8H2zM8 11v2.5M5.5 13.5h5" stroke="currentColor" stroke-width="1.4" fill="none" stroke-linejoin="round" stroke-linecap="round"/>"#
            }
            Self::Print => {
                r#"<path d="M4.5 5.5v-3h7v3M4.5 11.5h-2v-6h11v6h-2M4.5 9.5h7v4h-7z" stroke="currentColor" stroke-width="1.3" fill="none" stroke-linejoin="round"/>"#
            }
            Self::More => {
                r#"<path d="M3.5 8h.01M8 8h.01M12.5 8h.01" stroke="currentColor" stroke-width="2.4" stroke-linecap="round"/>"#
            }
            Self::Menu => {
                r#"<path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11" stroke="currentColor" stroke-width="1.4" stroke-linecap="round"/>"#
            }
        }
    }
}

/// Draws an icon; the words beside it or its button's label say what it means.
pub fn icon(icon: Icon, size: u32) -> impl IntoView {
    view! {
        <svg class="ic" width=size height=size viewBox="0 0 16 16" aria-hidden="true" inner_html=icon.shape()></svg>
    }
}

/// The brand's mark: two hops.
pub fn brand() -> impl IntoView {
    view! {
        <svg
            width="26"
            height="16"
            viewBox="0 0 26 16"
            aria-hidden="true"
            inner_html=r#"<path d="M3 12C5 2 11 2 13 12 15 2 21 2 23 12" fill="none" stroke="var(--accent)" stroke-width="1.75" stroke-linecap="round"/><circle cx="3" cy="12" r="2.5" fill="var(--ink)"/><circle cx="13" cy="12" r="2.5" fill="var(--ink)"/><circle cx="23" cy="12" r="2.5" fill="var(--accent)"/>"#
        ></svg>
    }
}

/// The mark of a replica: a hue, a shape and a letter, as everywhere.
pub fn replica(mark: Mark, size: u32) -> impl IntoView {
    let shape = match mark.shape() {
        0 => r#"<circle r="9"/>"#,
        1 => r#"<rect x="-8.5" y="-8.5" width="17" height="17" rx="3"/>"#,
        2 => r#"<path d="M0-10.6 10.6 0 0 10.6-10.6 0Z"/>"#,
        3 => r#"<path d="M-5-9h10l5 9-5 9h-10l-5-9Z"/>"#,
        4 => r#"<path d="M0-10 10 8H-10Z"/>"#,
        _ => r#"<path d="M0-10 9.8-2.6 6 9H-6L-9.8-2.6Z"/>"#,
    };
    let y = if mark.shape() == 4 { 6.2 } else { 4.3 };
    view! {
        <svg
            class=format!("rep {}", mark.hue_name())
            width=size
            height=size
            viewBox="-11 -11 22 22"
            aria-hidden="true"
            inner_html=format!(r#"{shape}<text y="{y}">{}</text>"#, mark.letter())
        ></svg>
    }
}
