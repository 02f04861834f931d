UPDATE worker SET runs = false;
