UPDATE featured SET page = 42;
