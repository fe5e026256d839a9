/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Times on disk: a date and two seconds' steps, from 1980 to 2107, here in UTC.
 *
 * [FAT "Date and Time Formats"]
 */
#include "guest/fs/fat32.h"

#define DAY_S       86400
#define YEAR_FIRST  1980
#define DAYS_BEFORE 3652  /* 1970 to 1980 */
#define DAYS_MAX    46750 /* 1980 to the end of 2107 */

static const u16 days_before_month[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};

/* Days of the years from 1980 on; 2100 is the only multiple of 4 there that is no leap year. */
static u32 days_before_year(u32 years)
{
    return years * 365 + (years + 3) / 4 - (years > 2100 - YEAR_FIRST);
}

/* Days before a month of such a year. */
static u32 days_before(u32 years, u32 month)
{
    const bool leap = years % 4 == 0 && years != 2100 - YEAR_FIRST;

    return days_before_month[month] + (leap && month > 1 ? 1U : 0U);
}

s64 fat_time(u16 date, u16 time)
{
    const u32 years = date >> 9, month = date >> 5 & 15, day = date & 31;
    const u32 month0 = month < 1 || month > 12 ? 0 : month - 1;
    const u32 days =
        days_before_year(years) + days_before(years, month0) + (day == 0 ? 0 : day - 1);

    return (s64)(DAYS_BEFORE + days) * DAY_S + (time >> 11) * 3600 + (time >> 5 & 63) * 60 +
           (time & 31) * 2;
}

/* The nearest time that there is. */
void fat_set_time(s64 seconds, u16 *date, u16 *time)
{
    const s64 since = seconds - (s64)DAYS_BEFORE * DAY_S;
    const u32 day_s = since < 0 ? 0 : (u32)(since % DAY_S);
    u32 days = since < 0 ? 0 : since / DAY_S > DAYS_MAX ? DAYS_MAX : (u32)(since / DAY_S);
    u32 years = days / 366, month = 0;

    while (days_before_year(years + 1) <= days)
        years++;
    days -= days_before_year(years);
    while (month < 11 && days_before(years, month + 1) <= days)
        month++;
    days -= days_before(years, month);
    *date = (u16)(years << 9 | (month + 1) << 5 | (days + 1));
    *time = (u16)(day_s / 3600 << 11 | day_s / 60 % 60 << 5 | day_s % 60 / 2);
}
