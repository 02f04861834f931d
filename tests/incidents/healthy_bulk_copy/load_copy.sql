COPY trips FROM 'trips.csv';
