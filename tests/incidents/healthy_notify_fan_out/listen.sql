LISTEN items;
