CREATE TABLE notices (number serial PRIMARY KEY, content text NOT NULL)
