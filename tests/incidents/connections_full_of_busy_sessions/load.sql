SELECT render_invoice(1);
