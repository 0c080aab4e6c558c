//! Lists come page by page; people ask for all of it.

/// Reads page after page of one list.
macro_rules! all_pages {
    ($client:expr, $method:ident, $items:ident, $request:expr) => {{
        let mut all = Vec::new();
        let mut request = $request;
        loop {
            let page = $client.$method(request.clone()).await.map_err($crate::cli::failure::explained)?.into_inner();
            all.extend(page.$items);
            if page.next_page_token.is_empty() {
                break all;
            }
            request.page_token = page.next_page_token;
        }
    }};
}

pub(crate) use all_pages;
