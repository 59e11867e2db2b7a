//! What controllers say themselves: their pages, to the byte.

use std::sync::Arc;

use super::Flavour;

/// A controller's own page for a status, with its content type.
///
/// nginx writes its pages with `server_tokens off`; Traefik's are Go's (`http.Error` for the errors of the proxy).
pub fn page(flavour: Flavour, status: u16) -> (Arc<str>, &'static str) {
    match flavour {
        Flavour::Nginx => {
            let title = nginx_title(status);
            let more = match status {
                497 => "<center>The plain HTTP request was sent to HTTPS port</center>\r\n",
                _ => "",
            };
            let (head, title) = match status {
                497 => ("400 The plain HTTP request was sent to HTTPS port", "400 Bad Request"),
                _ => (title, title),
            };
            let body = format!(
                "<html>\r\n<head><title>{head}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n{more}<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
            );
            (body.into(), "text/html")
        }
        Flavour::Traefik => {
            let body = match status {
                404 => "404 page not found\n",
                400 | 497 => "Client sent an HTTP request to an HTTPS server.\n",
                502 => "Bad Gateway",
                503 => "no available server\n",
                504 => "Gateway Timeout",
                _ => "",
            };
            (body.into(), "text/plain; charset=utf-8")
        }
    }
}

/// The title of nginx' page for a status.
fn nginx_title(status: u16) -> &'static str {
    match status {
        301 => "301 Moved Permanently",
        302 => "302 Found",
        303 => "303 See Other",
        307 => "307 Temporary Redirect",
        308 => "308 Permanent Redirect",
        400 => "400 Bad Request",
        403 => "403 Forbidden",
        404 => "404 Not Found",
        413 => "413 Request Entity Too Large",
        500 => "500 Internal Server Error",
        502 => "502 Bad Gateway",
        503 => "503 Service Temporarily Unavailable",
        504 => "504 Gateway Time-out",
        _ => "",
    }
}
