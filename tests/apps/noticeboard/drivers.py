"""Ask the server by each library that takes DATABASE_URL who it says one is."""

import asyncio

import asyncpg
import dj_database_url
import psycopg
import psycopg2
from django.conf import settings
from django.db import connection as django_connection
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

QUESTION = "SELECT current_user || ' in ' || current_database()"


def ask_all(url):
    plain = "postgresql:" + url.partition(":")[2]
    return {
        "sqlalchemy, psycopg2": _ask_sqlalchemy("psycopg2", plain),
        "sqlalchemy, psycopg": _ask_sqlalchemy("psycopg", plain),
        "sqlalchemy, asyncpg": asyncio.run(_ask_sqlalchemy_later(plain)),
        "psycopg2": _ask(psycopg2.connect(plain)),
        "psycopg": _ask(psycopg.connect(plain)),
        "asyncpg": asyncio.run(_ask_asyncpg(plain)),
        "django": _ask_django(plain),
        "the variables of libpq": _ask(psycopg.connect("")),
    }


def _ask(connection):
    with connection, connection.cursor() as cursor:
        cursor.execute(QUESTION)
        return cursor.fetchone()[0]


def _ask_sqlalchemy(driver, plain):
    with create_engine(plain.replace("postgresql:", f"postgresql+{driver}:", 1)).connect() as connection:
        return connection.execute(text(QUESTION)).scalar()


async def _ask_sqlalchemy_later(plain):
    # SQLAlchemy hands on what comes after the question mark, and asyncpg calls it otherwise than libpq.
    place, query = plain.replace("postgresql:", "postgresql+asyncpg:", 1).split("?", 1)
    engine = create_async_engine(f"{place}?{'ssl=verify-full' if 'sslmode=verify-full' in query else query}")
    async with engine.connect() as connection:
        answer = (await connection.execute(text(QUESTION))).scalar()
    await engine.dispose()
    return answer


async def _ask_asyncpg(plain):
    connection = await asyncpg.connect(plain)
    answer = await connection.fetchval(QUESTION)
    await connection.close()
    return answer


def _ask_django(plain):
    if not settings.configured:
        settings.configure(DATABASES={"default": dj_database_url.parse(plain)})
    with django_connection.cursor() as cursor:
        cursor.execute(QUESTION)
        return cursor.fetchone()[0]
