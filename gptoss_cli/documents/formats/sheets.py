"""Workbooks (xlsx, xlsm, xlsb, xls, ods) to text: the home of python_calamine."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time, timedelta
from typing import Final

import python_calamine

from gptoss_cli.documents.document import MOST_TEXT_BYTES
from gptoss_cli.documents.formats.outline import TooMuchTextError
from gptoss_cli.errors import UsageError

_Cell = int | float | str | bool | time | date | datetime | timedelta
_MIDNIGHT: Final = time()


def sheets_text(content: bytes, name: str) -> tuple[str, str]:
    """Return the sheets of a workbook as lines of CSV under their names, and a note.

    Values are those that were last computed; formulas are not read. Raises UsageError, which
    names the file, when it is damaged or locked; TooMuchTextError.
    """
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    except python_calamine.PasswordError:
        raise UsageError(f"{name} asks for a password.", hint="save it without one") from None
    except python_calamine.CalamineError:
        raise UsageError(
            f"{name} is damaged, or no spreadsheet.",
            hint="open it in another program and save it again",
        ) from None
    parts = []
    size = 0
    for title in workbook.sheet_names:
        try:
            text = _sheet(workbook.get_sheet_by_name(title), MOST_TEXT_BYTES - size)
        except python_calamine.CalamineError:  # a page of charts only
            continue
        size += len(text)
        if text:
            parts.append(f"# {' '.join(title.split())}\n{text}")
    if not parts:
        raise UsageError(f"{name} is empty.", hint="name another file")
    return "\n".join(parts), "1 sheet" if len(parts) == 1 else f"{len(parts):,} sheets"


def _sheet(sheet: python_calamine.CalamineSheet, most: int) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    for row in sheet.iter_rows():
        cells = [_shown(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            writer.writerow(cells)
        if lines.tell() > most:
            raise TooMuchTextError
    return lines.getvalue()


def _shown(cell: _Cell) -> str:
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == _MIDNIGHT else cell.isoformat(" ")
    return str(cell)
