SELECT translate_page(1);
